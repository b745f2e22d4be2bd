"""``panseg new``: from a folder of images and annotations to a config that trains on them."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmdet_panseg.apis.new_config import NewConfig

_DESCRIPTION = """Look at a folder of images and annotations, and write a config that trains on them.

Known are COCO files of instances and panoptic ones, YOLO segmentation, LabelMe, CVAT for images 1.1, Label Studio's
JSON export, and label maps. What is not COCO's is converted, and a validation set is chosen where there is none; the
source stays as it is and images are not copied.

  panseg new photos/ --out my_config.py
  panseg train my_config.py
"""


def build_parser() -> argparse.ArgumentParser:
    """Define the arguments of this command."""
    parser = argparse.ArgumentParser(description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add('data', help='folder of images and annotations')
    add('--out', required=True, metavar='CONFIG.py', help='config to write')
    formats = ('coco', 'yolo', 'labelme', 'cvat', 'labelstudio', 'maps')
    add('--format', choices=formats, help='what the annotations are, where there are several kinds')
    add(
        '--task',
        choices=('auto', 'instance', 'panoptic'),
        default='auto',
        help='of COCO files those of instances or the panoptic ones (default: panoptic where there are such)',
    )
    add('--annotations', nargs='+', metavar='FILE', help='annotation files to use where there are others too')
    add('--things', nargs='+', metavar='NAME', help='of label maps: classes whose connected components are objects')
    add(
        '--classes',
        nargs='+',
        metavar='FILE or NAME',
        help='of label maps: names in the order of their values, or a file with them (default: meta.json, classes.txt '
        'or the like of the folder)',
    )
    add('--device', choices=('auto', 'cpu', 'gpu'), default='auto', help='what to train on (default: a GPU if any)')
    add('--converted', metavar='FOLDER', help='folder to make for annotations (default: CONFIG_data beside the config)')
    add('--val-share', type=float, default=0.2, help='part of the images for validation if not split (default: 0.2)')
    add('--seed', type=int, default=0, help='seed of that choice (default: 0)')
    add('--overwrite', action='store_true', help='replace the config, and a folder that this command made')
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Write the config that the arguments ask for, and print what was found and chosen."""
    from mmdet_panseg.apis.new_config import new_config

    # A polite kill removes the unfinished folder as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    made = new_config(
        arguments.data,
        arguments.out,
        format=arguments.format,
        task=arguments.task,
        annotations=arguments.annotations,
        things=arguments.things,
        classes=arguments.classes,
        device=arguments.device,
        converted=arguments.converted,
        val_share=arguments.val_share,
        seed=arguments.seed,
        overwrite=arguments.overwrite,
    )
    _report(made)


def _report(made: NewConfig) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from mmdet_panseg.apis.new_config import listed_settings

    console = Console()
    counts = ', '.join(f'{split.num_images} {name}' for name, split in made.data.splits.items())
    console.print(f'{made.data.source}: {counts} images', highlight=False)
    for note in made.data.notes:
        console.print(f'- {note}', highlight=False, markup=False)
    table = Table('setting', 'value', 'why')
    for name, value, reason in listed_settings(made.settings):
        table.add_row(name, escape(str(value)), escape(reason))
    console.print(table)
    if made.made is not None:
        console.print(f'annotations: {made.made}', highlight=False, markup=False)
    console.print(f'config:      {made.path}', highlight=False, markup=False)
    flags = ' --amp' if made.device == 'gpu' else ''
    console.print(f'next:        panseg train {made.path}{flags}', highlight=False, markup=False)
