"""The ladder as a tree, with the command of each rung."""

from __future__ import annotations

import shlex

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from .rungs import Ladder, Rung
from .scenes_version import not_taken_over


def print_plan(ladder: Ladder, gpus: int = 8) -> None:
    """Print names, changes, published AP and commands; the terminal wraps long lines, so that they can be copied.

    Args:
        ladder: The rungs to show.
        gpus: Number of processes in the commands.
    """
    trees: list[Tree] = [Tree(f'[bold]{escape(str(ladder.folder))}[/]: {len(ladder.rungs)} rungs')]
    for depth, rung in ladder.walk():
        trees[depth + 1 :] = [trees[depth].add(_label(ladder, rung, gpus))]
    Console(width=1000, soft_wrap=True).print(trees[0])


def _label(ladder: Ladder, rung: Rung, gpus: int) -> str:
    ablation = rung.ablation
    published = f', published {escape(rung.published)}' if ladder.published else ''
    notes = [_command(ladder, rung, gpus)]
    if rung.for_scenes and (stays := not_taken_over(rung)):
        notes.append(f'not taken over to the scenes: {", ".join(stays)}')
    elif 'scenes' in ablation and not rung.for_scenes:
        notes.append('not for the scenes')
    head = f'[bold cyan]{rung.name}[/] ({ablation.get("schedule")}{published}): {escape(str(ablation.get("change")))}'
    return '\n'.join([head, *(f'[dim]{escape(note)}[/]' for note in notes)])


def _command(ladder: Ladder, rung: Rung, gpus: int) -> str:
    """Train a rung as its config says, or test what another rung's command has trained."""
    if rung.trains:
        return f'tools/dist_train.sh {shlex.quote(str(rung.path))} {gpus}'
    return f'tools/dist_test.sh {shlex.quote(str(rung.path))} work_dirs/{ladder.trained(rung).name} {gpus}'
