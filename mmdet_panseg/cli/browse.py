"""``panseg browse``: show what a network is really trained on."""

from __future__ import annotations

import argparse


def build_parser() -> argparse.ArgumentParser:
    """Describe the arguments of this command."""
    from mmengine.config import DictAction

    parser = argparse.ArgumentParser(
        description='Show the first images of a training as the network gets them: after augmentation and padding, '
        'with objects, what is ignored, semantic map, and the grid cells of each level that learn an object.'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('--out', required=True, help='picture sheet (.png) or page (.html) to write')
    parser.add_argument('--num', type=int, default=8, help='number of images (default: 8)')
    parser.add_argument('--seed', type=int, default=0, help='randomness.seed of the training (default: 0)')
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='train', help='data (default: train)')
    parser.add_argument('--overwrite', action='store_true', help='replace the file if it exists')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='override settings: key=value')
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Load the images, print what is to say about them, and write sheet or page."""
    import io

    from PIL import Image

    from mmdet_panseg.apis.browse import browse_page, browse_samples, browse_sheet, browsing_totals
    from mmdet_panseg.engine import load_config, write_atomically

    from .output_file import check_output

    path = check_output(arguments.out, ('.png', '.html'), arguments.overwrite)
    config = load_config(arguments.config, arguments.cfg_options)
    samples = browse_samples(config, arguments.num, arguments.seed, arguments.split)
    for sample in samples:
        print(f'{sample.name}   ·   {sample.summary()}')
        for line in sample.remarks():
            print(f'    {line}')
    print(browsing_totals(samples))
    if path.suffix.lower() == '.html':
        title = f'{arguments.config}: what the network is trained on ({arguments.split}, seed {arguments.seed})'
        content = browse_page(samples, title).encode()
    else:
        sheet = io.BytesIO()
        Image.fromarray(browse_sheet(samples)).save(sheet, format='png')
        content = sheet.getvalue()
    write_atomically(content, path)
    print(f'written to {path}')
