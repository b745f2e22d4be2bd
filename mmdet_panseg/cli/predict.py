"""``panseg predict``: predict on images, folders and videos, and write what was found."""

from __future__ import annotations

import argparse


def build_parser() -> argparse.ArgumentParser:
    """Describe the arguments of this command."""
    parser = argparse.ArgumentParser(
        description='Predict on an image, a folder, a pattern, a video or a camera, and write pictures, a COCO JSON of '
        'the instances, and semantic and panoptic maps as far as the model gives them.'
    )
    parser.add_argument('source', help="file, folder, pattern ('photos/*.jpg', quoted), video, or number of a camera")
    parser.add_argument('--model', required=True, help='work dir of a training, or config file')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument('--weights', help='checkpoint, needed with a config file (default: the last of the work dir)')
    parser.add_argument('--device', default='auto', help='cpu, cuda, cuda:1, ... (default: a GPU if there is one)')
    parser.add_argument(
        '--score-thr', type=float, help='least score of instances (default: 0.3; in panoptic maps that of the config)'
    )
    parser.add_argument('--batch-size', type=int, default=1, help='images, or tiles, at a time (default: 1)')
    parser.add_argument(
        '--outputs',
        nargs='+',
        metavar='OUTPUT',
        help='some of pictures, instances, semantic, panoptic '
        '(default: what the model gives; of videos pictures and instances)',
    )
    parser.add_argument('--side-by-side', action='store_true', help='pictures show the photograph beside the result')
    parser.add_argument('--picture-side', type=int, default=2048, help='longest side of pictures (default: 2048)')
    parser.add_argument(
        '--format',
        choices=('coco', 'label-studio', 'cvat', 'yolo'),
        help='write annotations for this tool or training in place of pictures and maps',
    )
    parser.add_argument(
        '--shapes', choices=('masks', 'polygons'), help='of --format (default: masks, where the format has them)'
    )
    parser.add_argument('--tiles', type=int, metavar='PIXELS', help='predict large images in tiles of this side')
    parser.add_argument(
        '--overlap', type=float, default=0.2, help='share of a tile that its neighbours see too (default: 0.2)'
    )
    parser.add_argument(
        '--sparse',
        action='store_true',
        help="take our head in place of mmdet's SOLO head, if it is proved to find the same",
    )
    parser.add_argument('--amp', action='store_true', help='predict in mixed precision, in bfloat16 on CPUs')
    parser.add_argument('--overwrite', action='store_true', help='write into a folder that is not empty')
    parser.add_argument('--trust-checkpoint', action='store_true', help='open a checkpoint that needs code to unpickle')
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Predict as the arguments of :func:`build_parser` say."""
    from pathlib import Path

    from rich.progress import track

    from mmdet_panseg.apis.inference import PanopticInferencer
    from mmdet_panseg.apis.inference.output.result_folder import require_writable
    from mmdet_panseg.apis.inference.sources import FileSource, open_source
    from mmdet_panseg.apis.pre_annotations import write_pre_annotations
    from mmdet_panseg.errors import ConfigError

    # What is wrong with the source or the folder is told before the model is loaded.
    require_writable(Path(arguments.out), arguments.overwrite)
    source = open_source(arguments.source)
    if arguments.format and not isinstance(source, FileSource):
        raise ConfigError(f'--format {arguments.format}: annotations are of image files, not of a video or a camera.')
    inferencer = PanopticInferencer(
        arguments.model,
        arguments.weights,
        device=arguments.device,
        batch_size=arguments.batch_size,
        score_thr=arguments.score_thr,
        sparse=arguments.sparse,
        tiles=arguments.tiles,
        overlap=arguments.overlap,
        trust=arguments.trust_checkpoint,
        amp=arguments.amp,
    )
    print(f'model: {inferencer.checkpoint}')
    predictions = inferencer(arguments.source)
    if arguments.format:
        written = write_pre_annotations(
            track(predictions, 'predicting', total=len(source)),
            arguments.out,
            arguments.format,
            source.root,
            shapes=arguments.shapes,
            model_version=Path(arguments.model).stem,
            overwrite=arguments.overwrite,
        )
        print(f'{written.objects} objects in {written.images} images: {", ".join(map(str, written.files))}')
        print(written.next_step)
        return
    predictions.save(
        arguments.out,
        outputs=arguments.outputs,
        side_by_side=arguments.side_by_side,
        picture_side=arguments.picture_side,
        overwrite=arguments.overwrite,
    )
