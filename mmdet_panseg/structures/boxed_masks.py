"""Masks of objects in their boxes, with mmdet's interface of masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import mmcv
import numpy as np
import torch
from mmdet.structures.bbox import BaseBoxes, HorizontalBoxes
from mmdet.structures.mask import BaseInstanceMasks, BitmapMasks, PolygonMasks
from torch import Tensor

from mmdet_panseg.ops import MaskCrops, MaskGeometry, crop_from_segmentation, crops_of_masks, joined_crops

# What has no rule for windows goes through whole masks, a few at a time; OpenCV takes up to four channels everywhere.
_AT_A_TIME = 4


class BoxedMasks(BitmapMasks):
    """Binary masks that are kept in windows around the objects.

    It stands wherever mmdet takes ``BitmapMasks`` and gives the same masks. Loading, cutting, mirroring, padding and
    resizing (to the nearest pixel, as mmdet resizes masks) cost what the masks cover. Shearing, rotating, moving by
    parts of a pixel and the targets of mmdet's mask heads go through a few whole masks at a time.

    ``masks`` gives the array that ``BitmapMasks`` holds, shape ``(N, height, width)``; it is made when it is asked for,
    and from then on it is what counts, so that code which writes into it is served.

    Args:
        crops: The masks.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
    """

    def __init__(self, crops: MaskCrops, height: int, width: int) -> None:
        self.height = int(height)
        self.width = int(width)
        self._crops = crops
        self._array: np.ndarray | None = None

    @classmethod
    def from_bitmaps(cls, masks: np.ndarray) -> BoxedMasks:
        """Take binary masks of the whole image, shape ``(N, H, W)``."""
        return cls(crops_of_masks(masks), *masks.shape[1:])

    @classmethod
    def of(cls, masks: BaseInstanceMasks) -> BoxedMasks:
        """Take mmdet's masks of any kind."""
        if isinstance(masks, BoxedMasks):
            return masks
        if not isinstance(masks, PolygonMasks):
            return cls.from_bitmaps(masks.to_ndarray().reshape(len(masks), masks.height, masks.width))
        size = (masks.height, masks.width)
        return cls(joined_crops([crop_from_segmentation(polygons, size) for polygons in masks.masks]), *size)

    @property
    def crops(self) -> MaskCrops:
        """The masks in their windows, which are not to be written into."""
        return self._crops if self._array is None else crops_of_masks(self._array)

    @property
    def masks(self) -> np.ndarray:
        """The masks of the whole image, uint8, shape ``(N, height, width)``."""
        if self._array is None:
            self._array = self._crops.dense((self.height, self.width))
        return self._array

    @masks.setter
    def masks(self, array: np.ndarray) -> None:
        self._array = array

    def __len__(self) -> int:
        """Count the masks."""
        return len(self._crops.pixels if self._array is None else self._array)

    def __getitem__(self, index: int | slice | np.ndarray | Tensor) -> BoxedMasks:
        """Choose masks, as in ``BitmapMasks``."""
        index = np.asarray(index) if isinstance(index, (Tensor, list, tuple)) else index
        chosen = np.atleast_1d(np.arange(len(self))[index])
        return BoxedMasks(self.crops.select(chosen), self.height, self.width)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Give the masks of the whole image, one at a time, uint8, shape ``(height, width)``."""
        for place in range(len(self)):
            yield self[place].to_ndarray()[0]

    def geometry(self) -> MaskGeometry:
        """Measure the masks."""
        return self.crops.geometry()

    @property
    def areas(self) -> np.ndarray:
        """Areas in pixels, int64, shape ``(N,)``."""
        return self.geometry().areas

    def get_bboxes(self, dst_type: str = 'hbb') -> BaseBoxes:
        """Give the tight boxes of the masks, of a type that mmdet knows."""
        if dst_type != 'hbb':
            return super().get_bboxes(dst_type)
        return HorizontalBoxes(torch.from_numpy(self.geometry().boxes))

    def to_ndarray(self) -> np.ndarray:
        """Give the masks of the whole image, uint8, shape ``(N, height, width)``."""
        return self._crops.dense((self.height, self.width)) if self._array is None else self._array

    def to_tensor(self, dtype: torch.dtype, device: torch.device | str) -> Tensor:
        """Give the masks of the whole image as a tensor."""
        return torch.tensor(self.to_ndarray(), dtype=dtype, device=device)

    def resize(self, out_shape: tuple[int, int], interpolation: str = 'nearest') -> BoxedMasks:
        """Resize the image to a height and width."""
        if interpolation != 'nearest':
            return self._through_bitmaps('resize', out_shape, out_shape, interpolation)
        rows, columns = (_read_places(*sides) for sides in zip((self.height, self.width), out_shape, strict=True))
        return BoxedMasks(self.crops.resampled(rows, columns), *out_shape)

    def rescale(self, scale: float | tuple[int, int], interpolation: str = 'nearest') -> BoxedMasks:
        """Resize the image as ``mmcv.imrescale`` does."""
        width, height = mmcv.rescale_size((self.width, self.height), scale)
        return self.resize((height, width), interpolation)

    def flip(self, flip_direction: str = 'horizontal') -> BoxedMasks:
        """Mirror the image."""
        if flip_direction not in ('horizontal', 'vertical', 'diagonal'):
            raise ValueError(f"BoxedMasks flips 'horizontal', 'vertical' or 'diagonal', not {flip_direction!r}")
        mirrored = self.crops.mirrored(
            (self.height, self.width),
            horizontally=flip_direction != 'vertical',
            vertically=flip_direction != 'horizontal',
        )
        return BoxedMasks(mirrored, self.height, self.width)

    def pad(self, out_shape: tuple[int, int], pad_val: int = 0) -> BoxedMasks:
        """Pad the image at the right and bottom."""
        if pad_val:
            return self._through_bitmaps('pad', out_shape, out_shape, pad_val)
        if out_shape[0] < self.height or out_shape[1] < self.width:
            raise ValueError(f'BoxedMasks of {self.height}x{self.width} cannot be padded to {tuple(out_shape)}')
        return BoxedMasks(self.crops, *out_shape)

    def crop(self, bbox: np.ndarray) -> BoxedMasks:
        """Cut a box ``x1, y1, x2, y2`` of whole pixels out of the image; at least one pixel is left."""
        limits = np.array([self.width, self.height] * 2)
        x1, y1, x2, y2 = (int(side) for side in np.clip(bbox, 0, limits))
        x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
        return BoxedMasks(self.crops.cut((x1, y1, x2, y2)), y2 - y1, x2 - x1)

    def expand(self, expanded_h: int, expanded_w: int, top: int, left: int) -> BoxedMasks:
        """Put the image into a larger one."""
        return BoxedMasks(self.crops.moved(left, top), expanded_h, expanded_w)

    def translate(
        self,
        out_shape: tuple[int, int],
        offset: float | tuple[float, float],
        direction: str = 'horizontal',
        border_value: int = 0,
        interpolation: str = 'bilinear',
    ) -> BoxedMasks:
        """Move the masks in an image of another size, as in ``BitmapMasks``."""
        right, down = _offsets(offset, direction)
        if border_value or right != int(right) or down != int(down):
            return self._through_bitmaps(
                'translate', out_shape, out_shape, offset, direction, border_value, interpolation
            )
        kept = self.crops.cut((0, 0, out_shape[1], out_shape[0]))
        return BoxedMasks(kept.moved(int(right), int(down)).cut((0, 0, out_shape[1], out_shape[0])), *out_shape)

    def shear(self, out_shape: tuple[int, int], *args: Any, **kwargs: Any) -> BoxedMasks:
        """Shear the masks, as in ``BitmapMasks``."""
        return self._through_bitmaps('shear', out_shape, out_shape, *args, **kwargs)

    def rotate(self, out_shape: tuple[int, int], *args: Any, **kwargs: Any) -> BoxedMasks:
        """Rotate the masks, as in ``BitmapMasks``."""
        return self._through_bitmaps('rotate', out_shape, out_shape, *args, **kwargs)

    def crop_and_resize(
        self,
        bboxes: np.ndarray | Tensor,
        out_shape: tuple[int, int],
        inds: np.ndarray | Tensor,
        device: torch.device | str = 'cpu',
        interpolation: str = 'bilinear',
        binarize: bool = True,
    ) -> BitmapMasks:
        """Cut a box out of the mask of each of ``inds`` and resize it: the targets of mmdet's mask heads."""
        results = [np.zeros((0, *out_shape), bool if binarize else np.float32)]
        owners = np.asarray(torch.as_tensor(inds).cpu())
        for start in range(0, len(bboxes) if len(self) else 0, _AT_A_TIME):
            part = slice(start, start + _AT_A_TIME)
            bitmaps = self._bitmaps(owners[part])
            own = np.arange(len(bitmaps))
            results.append(bitmaps.crop_and_resize(bboxes[part], out_shape, own, device, interpolation, binarize).masks)
        return BitmapMasks(np.concatenate(results), *out_shape)

    @classmethod
    def cat(cls, masks: Sequence[BitmapMasks]) -> BoxedMasks:
        """Join masks of one size.

        Raises:
            ValueError: If there are none, or they have several sizes.
        """
        sizes = {(own.height, own.width) for own in masks}
        if len(sizes) != 1:
            raise ValueError(f'BoxedMasks.cat takes masks of one size, not of {sorted(sizes)}')
        parts = [cls.of(own).crops for own in masks]
        pixels = [crop for part in parts for crop in part.pixels]
        return cls(MaskCrops(pixels, np.concatenate([part.windows for part in parts])), *sizes.pop())

    @classmethod
    def random(cls, *args: Any, **kwargs: Any) -> BoxedMasks:
        """Make random masks, as in ``BitmapMasks``."""
        return cls.from_bitmaps(BitmapMasks.random(*args, **kwargs).masks)

    def _bitmaps(self, index: slice | np.ndarray) -> BitmapMasks:
        return BitmapMasks(self[index].to_ndarray(), self.height, self.width)

    def _through_bitmaps(self, method: str, out_shape: tuple[int, int], *args: Any, **kwargs: Any) -> BoxedMasks:
        """Call a method of ``BitmapMasks`` for a few masks at a time."""
        done = [BoxedMasks(joined_crops([]), *out_shape)]
        for start in range(0, len(self), _AT_A_TIME):
            bitmaps = self._bitmaps(slice(start, start + _AT_A_TIME))
            done.append(BoxedMasks.from_bitmaps(getattr(bitmaps, method)(*args, **kwargs).masks))
        return BoxedMasks.cat(done)


def _read_places(length: int, resized: int) -> np.ndarray:
    """Which pixels of a line OpenCV reads when it resizes to the nearest: what it makes of their numbers."""
    line = np.arange(length, dtype=np.float64)[None]
    return cv2.resize(line, (resized, 1), interpolation=cv2.INTER_NEAREST)[0].astype(np.int64)


def _offsets(offset: float | tuple[float, float], direction: str) -> tuple[float, float]:
    if direction == 'both':
        return offset if isinstance(offset, tuple) else (offset, offset)
    return (offset, 0) if direction == 'horizontal' else (0, offset)
