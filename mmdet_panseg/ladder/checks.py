"""What is wrong with a ladder."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

from mmengine.logging import print_log

from mmdet_panseg.engine.config import config_problems
from mmdet_panseg.errors import ConfigError, near_names

from .config_changes import KeyPath, config_changes
from .reading import unread_names
from .rungs import MASK_METRICS, RUN_KEYS, Ladder, Rung, digest_of
from .scenes_version import scenes_config

# Keys that are read from a config beside those of the runner.
_READ_BESIDE = {'ablation', 'work_dir', 'experiment_name', 'data_remedy', 'model_wrapper_cfg', 'find_unused_parameters'}
_ABLATION = {'change', 'schedule', 'published_ap', 'published_note', 'scenes', 'metrics'}


def ladder_problems(ladder: Ladder) -> list[str]:
    """Check every rung, as it is and, where the root names a config for the scenes, for the scenes.

    Returns:
        A sentence for each problem.
    """
    problems = list(ladder.problems)
    seen: dict[str, str] = {}
    for _, rung in ladder.walk():
        found = [*_description_problems(ladder, rung), *_declaration_problems(rung), *config_problems(rung.config)]
        found += _twin_problems(rung.name, digest_of(rung.config), seen)
        if rung.for_scenes:
            found += [f'for the scenes: {text}' for text in _scenes_problems(ladder, rung, seen) if text not in found]
        problems += [f'{rung.path}: {problem.rstrip(".")}.' for problem in found]
    return problems


def require_sound(ladder: Ladder, problems: list[str]) -> None:
    """Raise a ConfigError that lists the problems of a ladder, if there are any."""
    if problems:
        count = '1 problem' if len(problems) == 1 else f'{len(problems)} problems'
        raise ConfigError('\n- '.join([f'{ladder.folder}: {count}:', *problems]))


def warn_of_unread_configs(ladder: Ladder) -> None:
    """Say which configs of a ladder are left out because they cannot be read.

    Raises:
        ConfigError: If none can be read.
    """
    if not ladder.rungs:
        require_sound(ladder, ladder.problems)
    for problem in ladder.problems:
        print_log(f'left out: {problem}', 'current', logging.WARNING)


def _description_problems(ladder: Ladder, rung: Rung) -> Iterator[str]:
    """Look for what ``ablation`` must say; a parent's words do not count."""
    said = {key[1] for key in rung.declared if key[0] == 'ablation' and len(key) > 1}
    # Other metrics than AP have no published numbers to compare with.
    needed = ('change', 'schedule') if 'metrics' in rung.ablation else ('change', 'published_ap', 'schedule')
    for name in needed:
        if name not in said:
            yield f"does not set ablation.{name}; write ablation = dict(change='...', published_ap=..., schedule='1x')"
    ap = rung.ablation.get('published_ap')
    if ap is not None and (isinstance(ap, bool) or not isinstance(ap, (int, float)) or not 0 <= ap <= 100):
        yield f'ablation.published_ap={ap!r} is no AP in percent; give a number, or None if none was published'
    for name in sorted(set(rung.ablation) - _ABLATION):
        yield f'sets ablation.{name}, which nothing reads.{near_names(name, _ABLATION)}'
    metrics = rung.ablation.get('metrics')
    if metrics is not None and not (metrics and isinstance(metrics, Mapping)):
        yield f"ablation.metrics={metrics!r} is no dict of metrics; write metrics=dict(PQ='coco_panoptic/PQ')"
    elif rung.parent is None and (own := metrics or MASK_METRICS) != ladder.metrics:
        yield f'is compared by {own}, but the first root by {ladder.metrics}; set ablation.metrics alike'
    first = ladder.children(None)[0]
    if rung.parent is None and 'scenes' in first.ablation and 'scenes' not in rung.ablation:
        yield (
            f'is a root beside {first.name}, since it inherits no rung of this folder, and names no config for the '
            'scenes; inherit a rung, or set ablation.scenes'
        )
    if rung.parent is not None and 'scenes' in said and rung.for_scenes:
        yield 'sets ablation.scenes, which only a root may, but to None, if it is not for the scenes'
    if rung.parent is not None and 'metrics' in said:
        yield 'sets ablation.metrics, which only a root may'


def _declaration_problems(rung: Rung) -> Iterator[str]:
    """Compare the difference from the parent with what the file sets."""
    changes = [path for path in config_changes(rung.parent_config, rung.config) if path[0] in RUN_KEYS]
    for path in changes:
        if path[0] not in rung.beside and not any(_overlap(path, declared) for declared in rung.declared):
            yield f'differs from its parent in {".".join(path)}, which the file does not set'
    for declared in sorted(rung.declared):
        if declared[0] in RUN_KEYS and not any(_overlap(path, declared) for path in changes):
            yield f'sets {".".join(declared)} to what its parent already has; remove it'
    for name in sorted(
        unread_names(rung.path.read_text()) - RUN_KEYS - _READ_BESIDE - rung.beside - set(rung.parent_config)
    ):
        yield f'sets {name}, which nothing reads; correct or remove it.{near_names(name, RUN_KEYS)}'


def _overlap(one: KeyPath, other: KeyPath) -> bool:
    return all(a == b for a, b in zip(one, other, strict=False))


def _twin_problems(name: str, digest: str, seen: dict[str, str]) -> Iterator[str]:
    first = seen.setdefault(digest, name)
    if first != name:
        yield f'resolves to the same run as {first}; one of the two does not change what it says'


def _scenes_problems(ladder: Ladder, rung: Rung, seen: dict[str, str]) -> list[str]:
    try:
        config = scenes_config(ladder, rung)
    except ConfigError as error:
        return [str(error).removeprefix(f'{rung.path}: ').rstrip('.')]
    twins = list(_twin_problems(rung.name, f'scenes {digest_of(config)}', seen))
    # taken over as it is, and so checked already; the scenes' model may have fewer layers
    config.get('optim_wrapper', {}).pop('paramwise_cfg', None)
    return [*config_problems(config), *twins]
