"""Which keys a config file itself sets, read from its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

KeyPath = tuple[str, ...]


def declared_keys(text: str) -> set[KeyPath]:
    """List the keys that the statements of a config file set.

    A dict is followed into its entries; whatever else is assigned counts as a whole, and so does a dict with
    ``_delete_``.

    Args:
        text: Python source of the config.

    Returns:
        Paths such as ``('model', 'mask_head', 'pos_scale')``.
    """
    found: set[KeyPath] = set()
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            for name in names:
                if name != '_base_':
                    found.update((name, *rest) for rest in _entries(statement.value))
    return found


def unread_names(text: str) -> set[str]:
    """List the variables of a config file that the file itself never reads.

    Args:
        text: Python source of the config.

    Returns:
        Their names.
    """
    read = {
        node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    return {path[0] for path in declared_keys(text)} - read


def _entries(value: ast.expr) -> Iterator[KeyPath]:
    items = _dict_items(value)
    if not items or any(key is None or key == '_delete_' for key, _ in items):
        yield ()
        return
    for key, entry in items:
        for rest in _entries(entry):
            yield (str(key), *rest)


def _dict_items(value: ast.expr) -> list[tuple[str | None, ast.expr]]:
    """Entries of ``dict(...)`` or ``{...}``; a key that the text does not name is None."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == 'dict' and not value.args:
        return [(keyword.arg, keyword.value) for keyword in value.keywords]
    if isinstance(value, ast.Dict):
        return [
            (str(key.value) if isinstance(key, ast.Constant) else None, entry)
            for key, entry in zip(value.keys, value.values, strict=True)
        ]
    return []


def declared_bases(path: Path) -> list[str]:
    """Read ``_base_`` of a config file without running it.

    Args:
        path: The file.

    Returns:
        Parents as written, the first one first; empty if there are none.

    Raises:
        SyntaxError: If the file is not Python.
        ValueError: If ``_base_`` is not a string or a list of strings.
    """
    for statement in ast.parse(path.read_text()).body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == '_base_' for target in statement.targets
        ):
            bases = ast.literal_eval(statement.value)
            return [bases] if isinstance(bases, str) else list(bases)
    return []
