"""Loading an image that is complete and of the size its annotation file says."""

from __future__ import annotations

import logging
from typing import Any

import cv2
import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmdet.registry import TRANSFORMS
from mmengine.logging import print_log
from mmengine.registry import TRANSFORMS as ROOT_TRANSFORMS
from mmengine.registry import Registry

from mmdet_panseg.datasets.errors import BrokenImageError
from mmdet_panseg.errors import ConfigError

from .image_files import read_file
from .image_integrity import may_have_16_bits, missing_end_marker
from .shared_flag import SharedFlag

# So many highest bits without use make an image of 16 bits too dark to learn from.
_UNUSED_BITS = 3
# Of an image whose sides differ more, Resize leaves less than a pixel, or a few.
_LONGEST_SIDES = 250

# mmdet's inferencer puts arrays in place of the step that is called LoadImageFromFile, in whatever scope.
PANSEG_TRANSFORMS = Registry('transform', parent=ROOT_TRANSFORMS, scope='panseg')


@PANSEG_TRANSFORMS.register_module(name='LoadImageFromFile')
@TRANSFORMS.register_module()
class LoadCheckedImage(LoadImageFromFile):
    """Load an image as mmcv's ``LoadImageFromFile`` does, and refuse files that would train on garbage.

    Refused are files that cannot be opened or end early (JPEG without its end marker, PNG without its end chunk), files
    that do not decode, images more than 250 times as long as wide, and images whose height and width differ from the
    annotation file's, after the rotation that EXIF asks for if ``color_type`` applies it (``'color'`` and
    ``'grayscale'`` with the backends cv2 and pillow do). ``CheckedCocoDataset`` skips and counts such samples in
    training; anywhere else the error stops the run.

    Configs call it ``panseg.LoadImageFromFile``, by which mmdet's ``DetInferencer`` knows it for the step that loads.

    Images of 16 bits (PNG, TIFF) whose values use a small part of the range would be all but black: the first of them
    is named in the log.

    Required keys: ``img_path``, optionally ``height`` and ``width`` (pixels). Sets ``img``, ``img_shape``,
    ``ori_shape``. Further arguments are those of ``LoadImageFromFile`` except ``file_client_args``.

    Args:
        bit_depth: Number of bits that images of 16 bits really use, from 8 to 16; their highest eight are loaded.
            Larger values become 255.
    """

    def __init__(self, *args: Any, bit_depth: int = 16, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not 8 <= bit_depth <= 16:
            raise ConfigError(f'LoadCheckedImage.bit_depth={bit_depth!r}: must be from 8 to 16.')
        self.bit_depth = bit_depth
        self._dark_reported = SharedFlag()

    def transform(self, results: dict) -> dict | None:
        """Load and check one image.

        Args:
            results: Sample of the data set.

        Returns:
            The sample with ``img`` of shape (H, W, C) or (H, W), uint8 or float32; None for an unusable image
            if ``ignore_empty`` is set.

        Raises:
            BrokenImageError: If the image cannot be read, is truncated, does not decode, is too thin or has
                another size than annotated.
        """
        path = results['img_path']
        try:
            image = self._decode(read_file(path, self.backend_args, 'Image'), path)
            self._check_size(image.shape[:2], results)
            _require_sides(image.shape[:2], path)
        except BrokenImageError:
            if self.ignore_empty:
                return None
            raise
        results['img'] = image.astype('float32') if self.to_float32 else image
        results['img_shape'] = image.shape[:2]
        results['ori_shape'] = image.shape[:2]
        return results

    def _decode(self, content: bytes, path: str):
        """Decode the bytes of a file to an array of shape (H, W[, C])."""
        missing = missing_end_marker(content)
        if missing is not None:
            raise BrokenImageError(
                f"Image '{path}' is truncated: {missing} is missing after {len(content)} bytes; copy or "
                'download it again, or remove it from the annotation file.',
                'truncated',
            )
        try:
            image = self._eight_bits(content, path)
        except Exception as error:  # each decoder raises its own kind
            raise BrokenImageError(_undecodable(path, content, self.imdecode_backend)) from error
        if image is None:
            raise BrokenImageError(_undecodable(path, content, self.imdecode_backend))
        return image

    def _eight_bits(self, content: bytes, path: str) -> np.ndarray | None:
        if self.color_type == 'color' and self.imdecode_backend == 'cv2' and may_have_16_bits(content):
            image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
            if image is not None and image.dtype == np.uint16:
                self._warn_if_dark(int(image.max()), path)
                return np.minimum(image >> (self.bit_depth - 8), 255).astype(np.uint8)
        return mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)

    def _warn_if_dark(self, highest: int, path: str) -> None:
        used = max(8, highest.bit_length())
        if used <= self.bit_depth - _UNUSED_BITS and self._dark_reported.raise_first():
            print_log(
                f"Image '{path}' has 16 bits a channel and no value above {highest}, so that it is loaded almost black "
                f'(at most {highest >> (self.bit_depth - 8)} of 255): if others are like it, set bit_depth={used} of '
                'LoadCheckedImage, in train and test pipelines. Further images are not named.',
                logger='current',
                level=logging.WARNING,
            )

    def _check_size(self, shape: tuple[int, int], results: dict) -> None:
        """Compare the decoded (height, width) with the annotated one."""
        if 'height' not in results or 'width' not in results:
            return
        height, width = shape
        if (height, width) == (results['height'], results['width']):
            return
        message = (
            f"Image '{results['img_path']}': 'width' and 'height' in the annotation file are "
            f'{results["width"]}x{results["height"]}, the file decodes to {width}x{height}; correct the '
            'annotation file or use the images it was made for.'
        )
        if (width, height) == (results['height'], results['width']):
            message += (
                f" The sides are swapped: color_type='{self.color_type}' "
                + ('ignores' if 'ignore' in self.color_type or self.color_type == 'unchanged' else 'applies')
                + " the EXIF rotation of the file ('color' applies it, 'color_ignore_orientation' does not); "
                'choose the one that the annotations were drawn on.'
            )
        raise BrokenImageError(message, 'wrong size')


def _require_sides(shape: tuple[int, int], path: str) -> None:
    if max(shape) > _LONGEST_SIDES * min(shape):
        raise BrokenImageError(
            f"Image '{path}': {shape[1]}x{shape[0]} is too thin, resized it would have next to no pixels; crop it, or "
            'remove it from the annotation file.',
            'too thin',
        )


def _undecodable(path: str, content: bytes, backend: str) -> str:
    """Text for a file that is no image."""
    return (
        f"Image '{path}' does not decode with imdecode_backend='{backend}' ({len(content)} bytes); copy or download it "
        'again, or remove it from the annotation file.'
    )
