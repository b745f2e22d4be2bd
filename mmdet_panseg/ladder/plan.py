"""The ladder as a tree, with the command of each rung."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from .rungs import Ladder, Rung
from .scenes_version import not_taken_over
from .trained_rungs import trained_rung


def plan_tree(ladder: Ladder, gpus: int = 8) -> Tree:
    """Draw the tree of rungs.

    Args:
        ladder: The ladder.
        gpus: Number of processes in the commands.

    Returns:
        For rich: names, changes, published AP and commands.
    """
    tree = Tree(f'[bold]{escape(str(ladder.folder))}[/]: {len(ladder.rungs)} rungs')
    _grow(tree, ladder, None, gpus)
    return tree


def _grow(tree: Tree, ladder: Ladder, parent: str | None, gpus: int) -> None:
    for rung in ladder.children(parent):
        _grow(tree.add(_label(ladder, rung, gpus)), ladder, rung.name, gpus)


def _label(ladder: Ladder, rung: Rung, gpus: int) -> str:
    ablation = rung.ablation
    published = f', published {escape(rung.published)}' if ladder.published else ''
    lines = [
        f'[bold cyan]{rung.name}[/] ({ablation.get("schedule")}{published}): {escape(str(ablation.get("change")))}',
        f'[dim]{escape(rung_command(ladder, rung, gpus))}[/]',
    ]
    if rung.for_scenes:
        stays = not_taken_over(rung)
        lines += [f'[dim]not taken over to the scenes: {escape(", ".join(stays))}[/]'] if stays else []
    elif 'scenes' in ablation:
        lines.append('[dim]not for the scenes[/]')
    return '\n'.join(lines)


def rung_command(ladder: Ladder, rung: Rung, gpus: int) -> str:
    """The command line that trains a rung as its config says, or tests what another rung's command has trained."""
    source = trained_rung(ladder, rung)
    if source.name == rung.name:
        return f'tools/dist_train.sh {rung.path} {gpus}'
    return f'tools/dist_test.sh {rung.path} work_dirs/{source.name} {gpus}'


def print_plan(ladder: Ladder, gpus: int = 8) -> None:
    """Print :func:`plan_tree`; the terminal wraps long lines, so that commands can be copied."""
    Console(width=1000, soft_wrap=True).print(plan_tree(ladder, gpus))
