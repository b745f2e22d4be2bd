"""``panseg label-maps``: make a COCO panoptic data set, and an instance file, from images and semantic label maps."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from mmdet_panseg.datasets.conversion import ClassCounts, ClassList, ConversionSummary


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Help with defaults and with the paragraphs of the description."""


_DESCRIPTION = """Make a COCO panoptic data set, and an instance file, from images and semantic label maps.

Chosen classes become things: each connected component of at least --min-area pixels is an instance. Such instances are
weak, because objects of one class that touch are one component.

CamVid as this project uses it:
  ../shared/data/camvid_mini --out work_dirs/data/camvid --things car pedestrian bicyclist
"""


def build_parser() -> argparse.ArgumentParser:
    """Define the arguments of this command."""
    parser = argparse.ArgumentParser(description=_DESCRIPTION, formatter_class=_Formatter)
    add = parser.add_argument
    add('root', help='folder of the source')
    add('--out', required=True, help='folder to make')
    add('--things', nargs='*', default=[], metavar='NAME', help='classes whose components become instances')
    add('--split', nargs='+', default=['train', 'val'], help='splits to convert')
    add('--images', default='images/{split}', help='folder of the images of a split, below the source')
    add('--labels', default='labels/{split}', help='folder of its label maps (8-bit PNG), below the source')
    add('--image-suffix', help='how names of images end, such as _leftImg8bit.png; any image format if not given')
    add('--map-suffix', default='.png', help='how names of label maps end, such as _labelIds.png')
    add(
        '--classes',
        nargs='+',
        metavar='FILE or NAME',
        help='class names in the order of their values: as they are, or a .txt file with one a line, or a .json file '
        'with the list "classes"; meta.json of the source if not given',
    )
    add('--void', nargs='*', type=int, help="values that mean no class; the class list's ignore_index or 255")
    add('--min-area', type=int, default=25, help='fewest pixels of an instance')
    add(
        '--small',
        choices=('void', 'crowd'),
        default='void',
        help='what smaller components become: void, or one crowd segment per class, which keeps their class',
    )
    add(
        '--pictures',
        choices=('link', 'copy', 'none'),
        default='link',
        help='put a link to the images, a copy of them, or nothing into the new folder',
    )
    add('--overwrite', action='store_true', help='replace a folder that this tool made')
    return parser


def class_list(classes: list[str] | None) -> ClassList | None:
    """Read the classes that ``--classes`` names, or those of the file that it names."""
    from mmdet_panseg.datasets.conversion import ClassList, read_class_list

    if classes is None:
        return None
    if len(classes) == 1 and Path(classes[0]).suffix.lower() in ('.json', '.txt'):
        return read_class_list(Path(classes[0]))
    return ClassList(tuple(classes))


def summary_table(summary: ConversionSummary) -> Table:
    """Segments, shares of pixels and small components of each class, splits side by side."""
    table = Table('class', title='segments, share of pixels, components that are too small')
    for split in summary.splits:
        for heading in (split, 'pixels', f'< {summary.min_area} px'):
            table.add_column(heading, justify='right')

    def row(name: str, cells) -> None:
        table.add_row(name, *(cell for counts in summary.splits.values() for cell in cells(counts)))

    for is_thing in (True, False):
        row('things' if is_thing else 'stuff', lambda counts: ['', '', ''])
        for name in (item.name for item in summary.classes if item.is_thing == is_thing):
            row(f'  {name}', lambda counts, n=name: _class_cells(counts.classes[n], counts.pixels))
        table.add_section()
    row('without label', lambda counts: ['', f'{counts.unlabelled / counts.pixels:.2%}', ''])
    row('images', lambda counts: [f'{counts.images}', '', ''])
    row('images without things', lambda counts: [f'{counts.without_things}', '', ''])
    return table


def _class_cells(of_class: ClassCounts, pixels: int) -> list[str]:
    return [f'{of_class.segments}', f'{of_class.pixels / pixels:.2%}', f'{of_class.small}' if of_class.small else '']


def notes(summary: ConversionSummary) -> list[str]:
    """Say what a user of the instances should know."""
    from mmdet_panseg.datasets.conversion import WEAK_INSTANCES

    if not any(label_class.is_thing for label_class in summary.classes):
        return ['There are no things, and so no instances_*.json: choose some with --things.']
    counts = summary.splits.values()
    small = [of_class for split in counts for of_class in split.classes.values()]
    share = sum(of_class.small_pixels for of_class in small) / sum(split.pixels for split in counts)
    return [
        WEAK_INSTANCES,
        f'{sum(of_class.small for of_class in small)} components below {summary.min_area} pixels ({share:.3%} of all '
        f'pixels) became {summary.small}.',
    ]


def run(arguments: argparse.Namespace) -> None:
    """Convert what the arguments ask for, and print what has come out."""
    from mmdet_panseg.datasets.conversion import semantic_to_panoptic

    # A polite kill removes the unfinished folder as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        summary = semantic_to_panoptic(
            arguments.root,
            arguments.out,
            arguments.things,
            classes=class_list(arguments.classes),
            splits=arguments.split,
            images=arguments.images,
            label_maps=arguments.labels,
            image_suffix=arguments.image_suffix,
            map_suffix=arguments.map_suffix,
            void=arguments.void,
            min_area=arguments.min_area,
            small=arguments.small,
            pictures=arguments.pictures,
            overwrite=arguments.overwrite,
        )
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        sys.exit(2)
    console = Console()
    console.print(summary_table(summary))
    console.print(f'{arguments.out}: made', highlight=False)
    for note in notes(summary):
        console.print(note, highlight=False)
