"""The rungs of a ladder: configs in a tree, each with what it changes."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmdet_panseg.errors import ConfigError

from .config_changes import KeyPath, config_changes

MASK_METRICS = {'mask AP': 'coco/segm_mAP', 'AP50': 'coco/segm_mAP_50', 'AR': 'coco/segm_AR@100'}
NOT_KNOWN = '–'
# Keys that a run depends on; the others, such as train_pipeline, only help to write a config.
RUN_KEYS = {*inspect.signature(Runner.__init__).parameters, 'auto_scale_lr', 'custom_imports'} - {
    *('ablation', 'work_dir', 'experiment_name', 'cfg', 'self')
}
# Beginnings of the keys that no training depends on.
_TESTING_KEYS = (
    ('model', 'test_cfg'),
    ('model', 'fusion_head'),
    *((f'{loop}_{part}',) for loop in ('val', 'test') for part in ('cfg', 'dataloader', 'evaluator')),
)


@dataclass(frozen=True)
class Rung:
    """One experiment of a ladder.

    Attributes:
        path: The config file.
        config: The resolved config.
        parent: Name of the rung it inherits; None for a root.
        parent_config: Resolved config of what it inherits first, a rung or a config outside of the folder.
        beside: Keys of what it inherits beside that.
        declared: Paths of the keys that the file itself sets.
    """

    path: Path
    config: dict[str, Any]
    parent: str | None
    parent_config: dict[str, Any]
    beside: set[str]
    declared: set[KeyPath]

    @property
    def name(self) -> str:
        """Name of the config file without its ending."""
        return self.path.stem

    @property
    def ablation(self) -> Mapping[str, Any]:
        """What the file says of itself: ``change``, ``published_ap``, ``schedule``, perhaps ``published_note``.

        A root may have ``scenes``, the config of the same model for the embedded scenes, and ``metrics``, see
        :attr:`Ladder.metrics`. With ``scenes=None`` a rung, and all below it, are not for the scenes.
        """
        return self.config.get('ablation') or {}

    @property
    def for_scenes(self) -> bool:
        """Whether the root names a config for the scenes, and neither the rung nor one above it says None."""
        return self.ablation.get('scenes') is not None

    @property
    def published_ap(self) -> float | None:
        """The published AP in percent."""
        return self.ablation.get('published_ap') if ('ablation', 'published_ap') in self.declared else None

    @property
    def published(self) -> str:
        """The published AP, or what was published in words, for a table."""
        if self.published_ap is not None:
            return f'{self.published_ap:.1f}'
        return self.ablation['published_note'] if ('ablation', 'published_note') in self.declared else NOT_KNOWN

    @cached_property
    def trains(self) -> bool:
        """Whether a training depends on what it changes; otherwise it tests the weights of its parent."""
        changes = config_changes(self.parent_config, self.config)
        return self.parent is None or any(key[0] in RUN_KEYS and not is_of_testing(key) for key in changes)


@dataclass
class Ladder:
    """The rungs of a folder.

    Attributes:
        folder: The folder.
        rungs: Rungs by name, each after its parent.
        problems: What could not be read, one sentence each.
    """

    folder: Path
    rungs: dict[str, Rung] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _outside: dict[Path, dict[str, Any]] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, str]:
        """What rungs are compared by: names for the table, the main one first, and the names that the test gives."""
        return self.children(None)[0].ablation.get('metrics') or MASK_METRICS

    @property
    def published(self) -> bool:
        """Whether anything was published of a rung."""
        return any(rung.published != NOT_KNOWN for rung in self.rungs.values())

    def children(self, name: str | None) -> list[Rung]:
        """List the rungs that inherit ``name``, or the roots; those with a low published AP first."""
        found = [rung for rung in self.rungs.values() if rung.parent == name]
        return sorted(found, key=lambda rung: (rung.published_ap is None, rung.published_ap or 0, rung.name))

    def walk(self, parent: str | None = None, depth: int = 0) -> Iterator[tuple[int, Rung]]:
        """Give depth and rung of all rungs, or of those below one, parents before children."""
        for rung in self.children(parent):
            yield depth, rung
            yield from self.walk(rung.name, depth + 1)

    def lineage(self, rung: Rung) -> list[Rung]:
        """List a rung and those that it descends from, up to its root."""
        return [rung, *(self.lineage(self.rungs[rung.parent]) if rung.parent else [])]

    def trained(self, rung: Rung) -> Rung:
        """Find the rung whose weights a rung is tested with: the nearest of its lineage that trains."""
        return next(above for above in self.lineage(rung) if above.trains)

    def require_rungs(self, names: Iterable[str]) -> None:
        """Raise a ConfigError if there is no rung of one of these names."""
        unknown = sorted(set(names) - set(self.rungs))
        if unknown:
            raise ConfigError(f'--only {" ".join(unknown)}: no such rung; there are {", ".join(self.rungs)}.')

    def outside_config(self, path: Path) -> dict[str, Any]:
        """Read a config of another folder once; not to be changed."""
        if path not in self._outside:
            self._outside[path] = read_config(path)
        return self._outside[path]


def read_config(path: str | Path) -> dict[str, Any]:
    """Resolve a config file."""
    return Config.fromfile(path, format_python_code=False).to_dict()


def is_of_testing(key: KeyPath) -> bool:
    """Whether no training depends on a key."""
    return any(key[: len(beginning)] == beginning for beginning in _TESTING_KEYS)


def digest_of(config: Mapping[str, Any], weights: str = '') -> str:
    """Give a short text that is the same for configs that make the same run, with weights of the same origin."""
    chosen = {key: value for key, value in config.items() if key in RUN_KEYS}
    text = json.dumps(chosen, sort_keys=True, default=repr) + weights
    return hashlib.sha256(text.encode()).hexdigest()[:16]
