"""Which config and checkpoint a user means by a model."""

from __future__ import annotations

from pathlib import Path

from mmdet_panseg.datasets.errors import with_suggestions
from mmdet_panseg.engine.checkpoints import checkpoint_named
from mmdet_panseg.errors import ConfigError


def find_model_files(model: str | Path, weights: str | Path | None = None) -> tuple[Path, str]:
    """Find the config and the checkpoint of a model.

    Args:
        model: Work dir of a training, for the config that it has written and the last complete checkpoint, or a config
            file.
        weights: Checkpoint, or a work dir for its last one; needed with a config file.

    Returns:
        Config file and checkpoint.

    Raises:
        ConfigError: If there is no config, or more than one, or the weights are not said.
        CheckpointError: If there is no checkpoint.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        return _config_of_run(path), checkpoint_named(str(path if weights is None else weights))
    if path.suffix == '.pth':
        raise ConfigError(f'{path}: is a checkpoint; name the work dir or the config, and this file as weights.')
    if weights is None and path.exists():
        raise ConfigError(f'{path}: is a config; name its weights too (--weights), or the work dir in place of both.')
    if not path.exists() and path.suffix != '.py' and '::' not in str(model):
        near = with_suggestions([path.name], [entry.name for entry in path.parent.glob('*/')])
        raise ConfigError(f'no such config file or work dir: {near} in {path.parent}.')
    # The config's loader tells what is wrong with a path.
    return path, checkpoint_named(str(weights)) if path.exists() else ''


def _config_of_run(folder: Path) -> Path:
    configs = sorted(entry for entry in folder.glob('*.py') if entry.is_file())
    if not configs:
        raise ConfigError(
            f'{folder}: has no config (*.py) that a training has written; name a config file, and the weights.'
        )
    if len(configs) > 1:
        names = ', '.join(path.name for path in configs[:5])
        raise ConfigError(f'{folder}: has {len(configs)} configs ({names}); name the one that is meant, and weights.')
    return configs[0]
