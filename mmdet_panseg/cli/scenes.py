"""``panseg scenes``: make the embedded data set of scenes and print what is in it."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING

import cv2
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from mmdet_panseg.datasets.scenes import SceneSummary


def build_parser() -> argparse.ArgumentParser:
    """Define the arguments of this command."""
    parser = argparse.ArgumentParser(
        description='Make the embedded data set of scenes and print what is in it.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--root', default='work_dirs/data/scenes', help='folder of the data set')
    parser.add_argument('--num-train', type=int, default=1000, help='number of training images')
    parser.add_argument('--num-val', type=int, default=200, help='number of validation images')
    parser.add_argument('--seed', type=int, default=0, help='seed, not negative')
    parser.add_argument('--width', type=int, default=320, help='image width in pixels')
    parser.add_argument('--height', type=int, default=256, help='image height in pixels')
    parser.add_argument('--overwrite', action='store_true', help='replace scenes that are already there')
    return parser


def summary_table(summaries: dict[str, SceneSummary]) -> Table:
    """Lay the figures of the splits side by side."""
    table = Table('', *summaries, title='scenes')
    for column in table.columns[1:]:
        column.justify = 'right'

    def row(name: str, cell) -> None:
        table.add_row(name, *(cell(s) for s in summaries.values()))

    row('images', lambda s: f'{s.images}')
    row('images without things', lambda s: f'{s.without_things}')
    row('crowds', lambda s: f'{s.crowds}')
    first = next(iter(summaries.values()))
    table.add_section()
    row('things', lambda s: f'{sum(s.things.values())}')
    for name in first.things:
        row(f'  {name}', lambda s, n=name: f'{s.things[n]}')
    table.add_section()
    for name in first.sizes:
        row(f'{name} things', lambda s, n=name: f'{s.sizes[n]:.1%}')
    table.add_section()
    for name in first.stuff:
        row(f'{name}, share of pixels', lambda s, n=name: f'{s.stuff[n]:.1%}')
    row('void, share of pixels', lambda s: f'{s.void:.2%}')
    return table


def run(arguments: argparse.Namespace) -> None:
    """Make the scenes that the arguments ask for."""
    from mmdet_panseg.datasets.scenes import make_scenes, summarise_scenes

    cv2.setNumThreads(1)
    # A polite kill removes the unfinished folder as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        made = make_scenes(
            arguments.root,
            num_train=arguments.num_train,
            num_val=arguments.num_val,
            size=(arguments.width, arguments.height),
            seed=arguments.seed,
            overwrite=arguments.overwrite,
        )
    except (ValueError, OSError, ImportError) as error:
        sys.exit(str(error))
    console = Console()
    console.print(f'{arguments.root}: {"made" if made else "already there"}', highlight=False)
    console.print(summary_table({split: summarise_scenes(arguments.root, split) for split in ('train', 'val')}))
