"""Reads a folder of configs as a tree of rungs."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmdet_panseg.errors import ConfigError

from .declared_keys import KeyPath, declared_bases, declared_keys

MASK_METRICS = {'mask AP': 'coco/segm_mAP', 'AP50': 'coco/segm_mAP_50', 'AR': 'coco/segm_AR@100'}
NOT_KNOWN = '–'
_HELPERS = {'ablation', 'work_dir', 'experiment_name', 'cfg', 'self'}
# Keys that a run depends on; the others, such as train_pipeline, only help to write a config.
RUN_KEYS = (set(inspect.signature(Runner.__init__).parameters) | {'auto_scale_lr', 'custom_imports'}) - _HELPERS


@dataclass(frozen=True)
class Rung:
    """One experiment of a ladder.

    Attributes:
        name: Name of the config file without its ending.
        path: The config file.
        config: The resolved config.
        parent: Name of the rung it inherits; None for a root.
        parent_config: Resolved config of what it inherits first, a rung or a config outside of the folder.
        other_configs: Resolved configs of what it inherits beside that.
        declared: Paths of the keys that the file itself sets.
    """

    name: str
    path: Path
    config: dict[str, Any]
    parent: str | None
    parent_config: dict[str, Any]
    other_configs: list[dict[str, Any]]
    declared: set[KeyPath]

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


@dataclass
class Ladder:
    """The rungs of a folder.

    Attributes:
        folder: The folder.
        rungs: Rungs by name, each after its parent.
        problems: What could not be read, one sentence each.
        outside: Resolved configs of other folders, as far as they were needed.
    """

    folder: Path
    rungs: dict[str, Rung] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    outside: dict[Path, dict[str, Any]] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, str]:
        """What rungs are compared by: names for the table, the main one first, and the names that the test gives."""
        return self.children(None)[0].ablation.get('metrics') or MASK_METRICS

    @property
    def published(self) -> bool:
        """Whether anything was published of a rung."""
        return any(rung.published != NOT_KNOWN for rung in self.rungs.values())

    def children(self, name: str | None) -> list[Rung]:
        """Rungs that inherit ``name``, or the roots; those with a low published AP first."""
        found = [rung for rung in self.rungs.values() if rung.parent == name]
        return sorted(found, key=lambda rung: (rung.published_ap is None, rung.published_ap or 0, rung.name))

    def walk(self) -> Iterator[tuple[int, Rung]]:
        """Give depth and rung of all rungs, parents before children."""
        for root in self.children(None):
            yield from self.walk_from(root)

    def walk_from(self, rung: Rung, depth: int = 0) -> Iterator[tuple[int, Rung]]:
        """Give depth and rung of a rung and all that descend from it."""
        yield depth, rung
        for child in self.children(rung.name):
            yield from self.walk_from(child, depth + 1)

    def require_rungs(self, names: Iterable[str]) -> None:
        """Raise a ConfigError if there is no rung of one of these names."""
        unknown = sorted(set(names) - set(self.rungs))
        if unknown:
            raise ConfigError(f'--only {" ".join(unknown)}: no such rung; there are {", ".join(self.rungs)}.')

    def outside_config(self, path: Path) -> dict[str, Any]:
        """A config of another folder, resolved; not to be changed."""
        path = path.resolve()
        if path not in self.outside:
            self.outside[path] = _resolved(path)
        return self.outside[path]

    def root_of(self, rung: Rung) -> Rung:
        """The root that a rung descends from."""
        while rung.parent is not None:
            rung = self.rungs[rung.parent]
        return rung


def fingerprint(config: Mapping[str, Any]) -> str:
    """Text of what a run depends on, the same for configs that make the same run."""
    chosen = {key: value for key, value in config.items() if key in RUN_KEYS}
    return json.dumps(chosen, sort_keys=True, default=repr)


def digest_of(text: str) -> str:
    """Short text that differs between texts."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_ladder(folder: str | Path) -> Ladder:
    """Read the rungs of a folder.

    The parent of a rung is the first entry of its ``_base_``.

    Args:
        folder: Folder with one config file for each rung.

    Returns:
        The ladder; files that cannot be read are listed in ``problems``.

    Raises:
        ConfigError: If the folder does not exist or holds no configs.
    """
    folder = Path(folder)
    paths = sorted(folder.glob('*.py'))
    if not paths:
        raise ConfigError(f'{folder}: no folder with config files (*.py); give that of the ladder.')
    with _each_file_parsed_once():
        return _LadderReader(folder, paths).read()


@contextlib.contextmanager
def _each_file_parsed_once() -> Iterator[None]:
    """Keep what mmengine parses: it would parse all ancestors again for each rung."""
    parse = Config._file2dict
    parsed: dict[tuple[Any, ...], Any] = {}

    def parse_once(*arguments: Any, **options: Any) -> Any:
        key = tuple(inspect.signature(parse).bind(*arguments, **options).arguments.values())
        if key not in parsed:
            parsed[key] = parse(*arguments, **options)
        # children change what they get in place
        return copy.deepcopy(parsed[key])

    Config._file2dict = staticmethod(parse_once)
    try:
        yield
    finally:
        Config._file2dict = staticmethod(parse)


class _LadderReader:
    """Reads each file once, parents first."""

    def __init__(self, folder: Path, paths: list[Path]) -> None:
        self.ladder = Ladder(folder)
        self.waiting = {path.resolve(): path for path in paths}

    def read(self) -> Ladder:
        while self.waiting:
            self._read_file(next(iter(self.waiting)))
        return self.ladder

    def _read_file(self, key: Path) -> None:
        path = self.waiting.pop(key)
        try:
            rung = self._rung(path)
        except Exception as error:  # a config may raise anything; all files are to be listed
            reason = ' '.join(str(error).split())
            self.ladder.problems.append(f'{path}: cannot be read ({type(error).__name__}: {reason}).')
            return
        if rung is not None:
            self.ladder.rungs[rung.name] = rung

    def _rung(self, path: Path) -> Rung | None:
        names = declared_bases(path)
        bases = [(path.parent / name).resolve() for name in names]
        missing = [name for name, base in zip(names, bases, strict=True) if not base.is_file()]
        if missing or not bases:
            wrong = f'_base_ names {missing[0]}, which does not exist' if missing else 'has no _base_'
            self.ladder.problems.append(f'{path}: {wrong}; inherit a rung of the folder or a config outside of it.')
            return None
        folder = path.resolve().parent
        others = [name for name, base in zip(names[1:], bases[1:], strict=True) if base.parent == folder]
        if others:
            self.ladder.problems.append(
                f'{path}: _base_ has {others[0]} behind its first entry; a rung inherits one rung, which comes first.'
            )
            return None
        if bases[0] in self.waiting:
            self._read_file(bases[0])
        inside = bases[0].parent == folder
        if inside and bases[0].stem not in self.ladder.rungs:
            self.ladder.problems.append(f'{path}: its parent {names[0]} cannot be read, or inherits from it.')
            return None
        parent = self.ladder.rungs[bases[0].stem].config if inside else self.ladder.outside_config(bases[0])
        return Rung(
            name=path.stem,
            path=path,
            config=_resolved(path),
            parent=bases[0].stem if inside else None,
            parent_config=parent,
            other_configs=[self.ladder.outside_config(base) for base in bases[1:]],
            declared=declared_keys(path.read_text()),
        )


def _resolved(path: Path) -> dict[str, Any]:
    return Config.fromfile(path, format_python_code=False).to_dict()
