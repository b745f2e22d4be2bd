"""Masks in their boxes beside mmdet's full bitmaps."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks

from mmdet_panseg.structures import BoxedMasks


def random_masks(seed: int) -> np.ndarray:
    """Masks with empty ones, single pixels, full ones and ones at the border."""
    rng = np.random.default_rng(seed)
    count, height, width = rng.integers(0, 7), rng.integers(1, 40), rng.integers(1, 40)
    masks = np.zeros((count, height, width), np.uint8)
    for mask in masks:
        y, x = sorted(rng.integers(0, height + 1, 2)), sorted(rng.integers(0, width + 1, 2))
        window = mask[slice(*y), slice(*x)]
        window[...] = rng.random(window.shape) < rng.choice([0.05, 0.5, 1.0])
    return masks


def pairs(seed: int) -> tuple[BitmapMasks, BoxedMasks]:
    masks = random_masks(seed)
    return BitmapMasks(masks, *masks.shape[1:]), BoxedMasks.from_bitmaps(masks)


def require_equal(boxed: BitmapMasks, bitmaps: BitmapMasks) -> None:
    assert (boxed.height, boxed.width) == (bitmaps.height, bitmaps.width)
    np.testing.assert_array_equal(boxed.to_ndarray(), bitmaps.to_ndarray())


seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 60)


@given(seeds)
def test_measures(seed: int) -> None:
    bitmaps, boxed = pairs(seed)
    require_equal(boxed, bitmaps)
    np.testing.assert_array_equal(boxed.masks, bitmaps.masks)
    np.testing.assert_array_equal(boxed.areas, bitmaps.areas)
    assert len(boxed) == len(bitmaps)
    assert torch.equal(boxed.get_bboxes().tensor, HorizontalBoxes.from_instance_masks(bitmaps).tensor)
    assert torch.equal(boxed.to_tensor(torch.float32, 'cpu'), bitmaps.to_tensor(torch.float32, 'cpu'))
    for own, other in zip(boxed, bitmaps, strict=True):
        np.testing.assert_array_equal(own, other)
    require_equal(pickle.loads(pickle.dumps(boxed)), bitmaps)


@given(seeds, sides, sides)
def test_resize(seed: int, height: int, width: int) -> None:
    bitmaps, boxed = pairs(seed)
    require_equal(boxed.resize((height, width)), bitmaps.resize((height, width)))
    require_equal(boxed.resize((height, width), 'bilinear'), bitmaps.resize((height, width), 'bilinear'))


@pytest.mark.parametrize('scale', [0.5, 0.37, 2.0, 1.31, (50, 20), (1000, 600)])
def test_rescale(scale: float | tuple[int, int]) -> None:
    masks = np.random.default_rng(3).integers(0, 2, (3, 20, 25), np.uint8)
    bitmaps = BitmapMasks(masks, *masks.shape[1:])
    require_equal(BoxedMasks.from_bitmaps(masks).rescale(scale), bitmaps.rescale(scale))


@given(seeds, st.sampled_from(['horizontal', 'vertical', 'diagonal']))
def test_flip(seed: int, direction: str) -> None:
    bitmaps, boxed = pairs(seed)
    require_equal(boxed.flip(direction), bitmaps.flip(direction))


@given(seeds, st.integers(0, 9), st.integers(0, 9), st.integers(0, 1))
def test_pad_and_expand(seed: int, more: int, further: int, value: int) -> None:
    bitmaps, boxed = pairs(seed)
    size = (bitmaps.height + more, bitmaps.width + further)
    require_equal(boxed.pad(size, pad_val=value), bitmaps.pad(size, pad_val=value))
    expanded = (size[0] + 3, size[1] + 2, 2, 1)
    require_equal(boxed.expand(*expanded), bitmaps.expand(*expanded))


def test_padding_cannot_cut() -> None:
    with pytest.raises(ValueError, match='4x4 cannot be padded to'):
        BoxedMasks.from_bitmaps(np.ones((1, 4, 4), np.uint8)).pad((3, 8))


@given(seeds, st.data())
def test_crop(seed: int, data: st.DataObject) -> None:
    bitmaps, boxed = pairs(seed)
    x1 = data.draw(st.integers(-3, bitmaps.width - 1))
    y1 = data.draw(st.integers(-3, bitmaps.height - 1))
    box = np.array([x1, y1, x1 + data.draw(st.integers(0, 45)), y1 + data.draw(st.integers(0, 45))])
    require_equal(boxed.crop(box), bitmaps.crop(box))
    require_equal(boxed.crop(box).flip(), bitmaps.crop(box).flip())


@given(seeds, sides, sides, st.data())
def test_translate(seed: int, height: int, width: int, data: st.DataObject) -> None:
    bitmaps, boxed = pairs(seed)
    if len(bitmaps) > 4:
        bitmaps, boxed = bitmaps[:4], boxed[:4]
    offset = data.draw(st.one_of(st.integers(-20, 20), st.sampled_from([0.5, -3.25])))
    direction = data.draw(st.sampled_from(['horizontal', 'vertical', 'both']))
    arguments = ((height, width), offset, direction)
    require_equal(boxed.translate(*arguments), bitmaps.translate(*arguments))


@given(seeds, st.floats(-1, 1), st.floats(-180, 180), st.sampled_from(['horizontal', 'vertical']))
def test_shear_and_rotate(seed: int, magnitude: float, angle: float, direction: str) -> None:
    bitmaps, boxed = pairs(seed)
    if len(bitmaps) > 4:
        bitmaps, boxed = bitmaps[:4], boxed[:4]
    size = (bitmaps.height, bitmaps.width)
    require_equal(boxed.shear(size, magnitude, direction), bitmaps.shear(size, magnitude, direction))
    require_equal(boxed.rotate(size, angle), bitmaps.rotate(size, angle))


def test_many_masks_are_sheared_and_rotated() -> None:
    """mmdet gives OpenCV all masks as channels, of which it takes a few hundred."""
    masks = np.tile(np.tri(16, dtype=np.uint8), (600, 1, 1))
    sheared = BoxedMasks.from_bitmaps(masks).shear((16, 16), 0.5)
    require_equal(sheared[:1], BitmapMasks(masks[:1], 16, 16).shear((16, 16), 0.5))
    assert (sheared.to_ndarray() == sheared.to_ndarray()[:1]).all()


@given(seeds, st.data())
def test_selection(seed: int, data: st.DataObject) -> None:
    bitmaps, boxed = pairs(seed)
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=len(bitmaps), max_size=len(bitmaps))), bool)
    require_equal(boxed[chosen], bitmaps[chosen])
    require_equal(boxed[np.flatnonzero(chosen)], bitmaps[np.flatnonzero(chosen)])
    require_equal(boxed[torch.from_numpy(chosen)], bitmaps[chosen])
    require_equal(boxed[1:3], bitmaps[1:3])
    if len(bitmaps):
        require_equal(boxed[-1], bitmaps[-1])
        with pytest.raises(IndexError):
            boxed[len(bitmaps)]


@given(seeds)
def test_joining(seed: int) -> None:
    bitmaps, boxed = pairs(seed)
    require_equal(BoxedMasks.cat([boxed, bitmaps, boxed[:1]]), BitmapMasks.cat([bitmaps, bitmaps, bitmaps[:1]]))


def test_joining_of_other_sizes_is_refused() -> None:
    with pytest.raises(ValueError, match='masks of one size'):
        BoxedMasks.cat([BoxedMasks.from_bitmaps(np.ones((1, 4, side), np.uint8)) for side in (4, 5)])


def test_what_is_written_into_the_array_counts() -> None:
    boxed = BoxedMasks.from_bitmaps(np.pad(np.ones((1, 2, 2), np.uint8), ((0, 0), (1, 3), (1, 3))))
    boxed.masks[:, 4:, 5:] = 1
    assert boxed.areas.tolist() == [4 + 2]
    assert boxed.flip().get_bboxes().tensor.tolist() == [[0, 1, 5, 6]]


@pytest.mark.parametrize('binarize', [True, False])
def test_targets_of_mask_heads(binarize: bool) -> None:
    pytest.importorskip('mmcv.ops')
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 2, (5, 30, 40), np.uint8)
    bitmaps, boxed = BitmapMasks(masks, 30, 40), BoxedMasks.from_bitmaps(masks)
    corners = rng.random((9, 2)) * 10
    boxes = torch.from_numpy(np.hstack([corners, corners + rng.random((9, 2)) * 20]).astype(np.float32))
    owners = torch.from_numpy(rng.integers(0, len(bitmaps), 9))
    arguments = dict(bboxes=boxes, out_shape=(7, 7), inds=owners, device='cpu', binarize=binarize)
    require_equal(boxed.crop_and_resize(**arguments), bitmaps.crop_and_resize(**arguments))
    assert len(boxed.crop_and_resize(**{**arguments, 'bboxes': boxes[:0], 'inds': owners[:0]})) == 0


def test_random() -> None:
    assert len(BoxedMasks.random(num_masks=3, dtype=np.uint8)) == 3
