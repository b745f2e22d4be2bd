"""Loading an image that is complete and of the size its annotation file says."""

from __future__ import annotations

import mmcv
from mmcv.transforms import LoadImageFromFile
from mmdet.registry import TRANSFORMS
from mmengine import fileio

from mmdet_panseg.datasets.errors import BrokenImageError

from .image_integrity import missing_end_marker


@TRANSFORMS.register_module()
class LoadCheckedImage(LoadImageFromFile):
    """Load an image as mmcv's ``LoadImageFromFile`` does, and refuse files that would train on garbage.

    Refused are files that end early (JPEG without its end marker, PNG without its end chunk), files that do
    not decode, and images whose height and width differ from the annotation file's, after the rotation that
    EXIF asks for if ``color_type`` applies it (``'color'`` and ``'grayscale'`` with the backends cv2 and
    pillow do). ``CheckedCocoDataset`` skips and counts such samples in training; anywhere else the error
    stops the run.

    Required keys: ``img_path``, optionally ``height`` and ``width`` (pixels). Sets ``img``, ``img_shape``,
    ``ori_shape``. The arguments are those of ``LoadImageFromFile`` except ``file_client_args``.
    """

    def transform(self, results: dict) -> dict | None:
        """Load and check one image.

        Args:
            results: Sample of the data set.

        Returns:
            The sample with ``img`` of shape (H, W, C) or (H, W), uint8 or float32; None for an unusable image
            if ``ignore_empty`` is set.

        Raises:
            BrokenImageError: If the image is truncated, does not decode or has another size than annotated.
        """
        path = results['img_path']
        content = fileio.get(path, backend_args=self.backend_args)
        try:
            image = self._decode(content, path)
            self._check_size(image.shape[:2], results)
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
            image = mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)
        except Exception as error:  # each decoder raises its own kind
            raise BrokenImageError(_undecodable(path, content, self.imdecode_backend)) from error
        if image is None:
            raise BrokenImageError(_undecodable(path, content, self.imdecode_backend))
        return image

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


def _undecodable(path: str, content: bytes, backend: str) -> str:
    """Text for a file that is no image."""
    state = 'is empty' if not content else f"does not decode with imdecode_backend='{backend}'"
    return (
        f"Image '{path}' {state} ({len(content)} bytes); copy or download it again, or remove it from the "
        'annotation file.'
    )
