"""Read a folder of configs as a ladder, with what each file itself sets."""

from __future__ import annotations

import ast
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mmengine.config import Config

from mmdet_panseg.errors import ConfigError

from .config_changes import KeyPath
from .rungs import Ladder, Rung, read_config


def read_ladder(folder: str | Path) -> Ladder:
    """Read the rungs of a folder; the parent of a rung is the first entry of its ``_base_``.

    Args:
        folder: Folder with one config file for each rung.

    Returns:
        The ladder; files that cannot be read are listed in ``problems``.

    Raises:
        ConfigError: If the folder does not exist or holds no configs.
    """
    ladder = Ladder(Path(folder))
    paths = sorted(ladder.folder.glob('*.py'))
    if not paths:
        raise ConfigError(f'{folder}: no folder with config files (*.py); give that of the ladder.')
    waiting: dict[Path, list[Path]] = {}
    for path in paths:
        with _problems_of(path, ladder):
            waiting[path] = _bases(path)
    with TemporaryDirectory() as copies:
        while ready := [path for path, bases in waiting.items() if _parent(path, bases) in (None, *ladder.rungs)]:
            for path in ready:
                with _problems_of(path, ladder):
                    ladder.rungs[path.stem] = _read_rung(ladder, path, waiting.pop(path), Path(copies))
    for path, bases in waiting.items():
        ladder.problems.append(f'{path}: its parent ./{bases[0].name} cannot be read, or inherits from it.')
    return ladder


@contextmanager
def _problems_of(path: Path, ladder: Ladder) -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        ladder.problems.append(f'{path}: {error}.')
    except Exception as error:  # a config may raise anything; all files are to be listed
        reason = ' '.join(str(error).split())
        ladder.problems.append(f'{path}: cannot be read ({type(error).__name__}: {reason}).')


def _bases(path: Path) -> list[Path]:
    """Give the files that a rung inherits, the parent first."""
    names = declared_bases(path.read_text())
    folder = path.parent.resolve()
    bases = [Path(os.path.normpath(folder / name)) for name in names]
    missing = [name for name, base in zip(names, bases, strict=True) if not base.is_file()]
    if missing or not bases:
        wrong = f'_base_ names {missing[0]}, which does not exist' if missing else 'has no _base_'
        raise ConfigError(f'{wrong}; inherit a rung of the folder or a config outside of it')
    inside = [name for name, base in zip(names, bases, strict=True) if base.parent == folder]
    if inside and inside != names[:1]:
        raise ConfigError(
            f'_base_ has {inside[-1]} behind its first entry; a rung inherits one rung, which comes first'
        )
    return bases


def _parent(path: Path, bases: list[Path]) -> str | None:
    """Give the name of the rung that a rung inherits; None for a root."""
    return bases[0].stem if bases[0].parent == path.parent.resolve() else None


def _read_rung(ladder: Ladder, path: Path, bases: list[Path], copies: Path) -> Rung:
    """Read a rung from a copy of the file system with it, its ancestors, and flat copies of what they inherit.

    mmengine would resolve the latter again for each rung; to look up one ``mmdet::`` config takes a tenth of a second.
    """
    parent = _parent(path, bases)
    outside = bases[1:] if parent else bases
    for base in outside:
        copy = _place(base, copies)
        if not copy.exists():
            copy.write_text(Config(ladder.outside_config(base), format_python_code=False).pretty_text)
    copy = shutil.copy(path, _place(path.parent.resolve() / path.name, copies))
    return Rung(
        path=path,
        config=read_config(copy),
        parent=parent,
        parent_config=ladder.rungs[parent].config if parent else ladder.outside_config(bases[0]),
        beside={key for base in bases[1:] for key in ladder.outside_config(base)},
        declared=declared_keys(path.read_text()),
    )


def _place(path: Path, copies: Path) -> Path:
    place = copies / path.relative_to(path.anchor)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def declared_keys(text: str) -> set[KeyPath]:
    """List the keys that the statements of a config file set.

    A dict is followed into its entries; whatever else is assigned counts as a whole, and so does a dict with
    ``_delete_``.

    Args:
        text: Python source of the config.

    Returns:
        Paths such as ``('model', 'mask_head', 'pos_scale')``.
    """
    return {(name, *rest) for name, value in _assignments(text) if name != '_base_' for rest in _entries(value)}


def declared_bases(text: str) -> list[str]:
    """Read ``_base_`` from the source of a config, as written; empty if there is none."""
    bases = next((ast.literal_eval(value) for name, value in _assignments(text) if name == '_base_'), [])
    return [bases] if isinstance(bases, str) else list(bases)


def unread_names(text: str) -> set[str]:
    """List the variables of a config's source that the source itself never reads."""
    names = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)]
    return {path[0] for path in declared_keys(text)} - {name.id for name in names if isinstance(name.ctx, ast.Load)}


def _assignments(text: str) -> Iterator[tuple[str, ast.expr]]:
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign):
            yield from ((name.id, statement.value) for name in statement.targets if isinstance(name, ast.Name))


def _entries(value: ast.expr) -> Iterator[KeyPath]:
    items = _dict_items(value)
    if not items or any(key in (None, '_delete_') for key, _ in items):
        yield ()
        return
    for key, entry in items:
        yield from ((str(key), *rest) for rest in _entries(entry))


def _dict_items(value: ast.expr) -> list[tuple[str | None, ast.expr]]:
    """List the entries of ``dict(...)`` or ``{...}``; a key that the text does not name is None."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == 'dict' and not value.args:
        return [(keyword.arg, keyword.value) for keyword in value.keywords]
    if isinstance(value, ast.Dict):
        keys = [str(key.value) if isinstance(key, ast.Constant) else None for key in value.keys]
        return list(zip(keys, value.values, strict=True))
    return []
