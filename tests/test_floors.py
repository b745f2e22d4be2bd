"""Imports of the package go down its floors, and never round."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from repository import REPOSITORY

PACKAGE = 'mmdet_panseg'
# From the top, see CONTRIBUTING.md.
FLOORS = ['cli', 'ladder', 'apis', 'visualization', 'engine', 'evaluation', 'models', 'datasets', 'ops', 'errors']
MODULES = {
    '.'.join(path.relative_to(REPOSITORY).with_suffix('').parts).removesuffix('.__init__'): path
    for path in (REPOSITORY / PACKAGE).rglob('*.py')
}


def imported(module: str, path: Path) -> Iterator[str]:
    """Modules of the package that a file imports, those for types and inside functions too."""
    package = module if path.name == '__init__.py' else module.rpartition('.')[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split('.')[: len(package.split('.')) + 1 - node.level] if node.level else []
            source = '.'.join([*parts, *filter(None, [node.module])])
            for name in node.names:
                found = f'{source}.{name.name}' if f'{source}.{name.name}' in MODULES else source
                if found in MODULES:
                    yield found


IMPORTS = {module: set(imported(module, path)) for module, path in MODULES.items()}


def floor(module: str) -> int | None:
    """Place in :data:`FLOORS`; None for the package itself and what stands beside the floors."""
    parts = module.split('.')
    return FLOORS.index(parts[1]) if len(parts) > 1 and parts[1] in FLOORS else None


def test_imports_go_down():
    pairs = [(module, target) for module, targets in IMPORTS.items() for target in targets]
    assert len(pairs) > 100
    up = [f'{a} -> {b}' for a, b in pairs if None not in (floor(a), floor(b)) and floor(a) > floor(b)]
    assert not up


def test_imports_never_go_round():
    # Raises CycleError, which lists the modules of the circle.
    list(TopologicalSorter(IMPORTS).static_order())


def test_ops_know_tensors_only():
    for module, path in MODULES.items():
        if module.startswith(f'{PACKAGE}.ops'):
            nodes = list(ast.walk(ast.parse(path.read_text())))
            sources = [node.module or '' for node in nodes if isinstance(node, ast.ImportFrom)]
            sources += [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
            assert not {source.partition('.')[0] for source in sources} & {'mmdet', 'mmengine', 'mmcv'}, path
