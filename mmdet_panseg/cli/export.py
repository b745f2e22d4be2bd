"""``panseg export``: write a model for onnxruntime or openvino, and a Python file that runs it."""

from __future__ import annotations

import argparse


def build_parser() -> argparse.ArgumentParser:
    """Describe the arguments of this command."""
    parser = argparse.ArgumentParser(
        description='Write a trained model as an ONNX file (or for openvino), and beside it a Python file that runs it '
        'with numpy, Pillow and onnxruntime. The model takes one image of any size at a time. Its numbers are compared '
        "with torch's on images of three sizes; if they disagree nothing is written."
    )
    parser.add_argument('config', help='config file of the model')
    parser.add_argument('checkpoint', help='checkpoint file, or a work dir for its last one')
    parser.add_argument('out', help='file to write: NAME.onnx, or NAME.xml for openvino')
    parser.add_argument('--format', choices=('onnx', 'openvino'), help='default: what the name ends like')
    parser.add_argument(
        '--images',
        nargs='+',
        default=[],
        metavar='FILE',
        help='images to compare on as well (default: the first one of the test data, if it is there)',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace files that exist')
    parser.add_argument('--trust-checkpoint', action='store_true', help='open a checkpoint that needs code to unpickle')
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Export as the arguments of :func:`build_parser` say, and tell what was written."""
    from mmdet_panseg.apis.export import export_detector

    written = export_detector(
        arguments.config,
        arguments.checkpoint,
        arguments.out,
        format=arguments.format,
        images=arguments.images,
        overwrite=arguments.overwrite,
        trust=arguments.trust_checkpoint,
    )
    print(written.describe())
