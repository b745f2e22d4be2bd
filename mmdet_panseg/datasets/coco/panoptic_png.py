"""Decoding of COCO panoptic PNG files, and refusal of files that only look like one."""

from __future__ import annotations

import struct

import cv2
import numpy as np

from mmdet_panseg.datasets.errors import AnnotationFileError, BrokenImageError
from mmdet_panseg.datasets.images.image_integrity import PNG_START, missing_end_marker
from mmdet_panseg.ops import ids_from_rgb

PALETTE_TYPE = 3
COLOUR_TYPES = {0: 'greyscale', PALETTE_TYPE: "palette ('P')", 4: 'greyscale with alpha'}
"""Colour types of the PNG format that hold no RGB."""


def decode_panoptic_png(content: bytes, path: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """Decode segment ids from the bytes of a panoptic PNG.

    Args:
        content: Bytes of the file.
        path: Path of the file, for error texts.
        size: Height and width that the PNG must have, in pixels.

    Returns:
        Ids R + 256 G + 65536 B, 0 for void, int32, shape (H, W). An alpha channel is not read.

    Raises:
        AnnotationFileError: If the file is no PNG, or one that holds no ids: greyscale, palette or 16 bits a channel.
        BrokenImageError: If it is truncated, does not decode or has another size.
    """
    _refuse_other_formats(content, path)
    missing = missing_end_marker(content)
    pixels = None if missing else cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        fault = f'is truncated: {missing} is missing' if missing else 'does not decode'
        raise BrokenImageError(
            f"Panoptic PNG '{path}' {fault} ({len(content)} bytes); copy or download it again, or remove it from the "
            'annotation file.',
            'truncated' if missing else 'undecodable',
            'seg_map_path',
        )
    if size is not None and pixels.shape[:2] != tuple(size):
        raise BrokenImageError(
            f"Panoptic PNG '{path}' is {pixels.shape[1]}x{pixels.shape[0]}, its image is {size[1]}x{size[0]}; "
            "use the PNG files made for these images, or correct 'width' and 'height' in the annotation file.",
            'wrong size',
            'seg_map_path',
        )
    return ids_from_rgb(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def _refuse_other_formats(content: bytes, path: str) -> None:
    """Raise unless the header is that of a PNG with three or four channels of eight bits."""
    if not content.startswith(PNG_START):
        raise AnnotationFileError(
            f"Panoptic segment file '{path}' is no PNG: lossy formats change ids; correct 'data_prefix' (seg) or "
            "'file_name' in 'annotations'."
        )
    if len(content) < 26:
        return
    depth, colour_type = struct.unpack_from('BB', content, 24)
    fault = COLOUR_TYPES.get(colour_type) or (f'{depth} bits a channel' if depth != 8 else None)
    if colour_type == 0 and depth == 16:
        fault = '16-bit greyscale'
    if fault:
        raise AnnotationFileError(
            f"Panoptic PNG '{path}' is {fault}; COCO panoptic files are RGB of 8 bits a channel with the id "
            'R + 256 G + 65536 B. Convert it (label maps: tools/dataset_tools/semantic_to_panoptic.py), or correct '
            "'data_prefix' (seg)."
        )
