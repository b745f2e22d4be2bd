"""Samples to mix, and where each pixel of a mixed image comes from.

A *tracer* has one segment a pixel, whose id says image, line and column. A transform that is run with the same random
numbers on tracers shows which pixel goes where, and a loop over the pixels then says what ground truth must be.
"""

from __future__ import annotations

import numpy as np
import torch
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks, PolygonMasks

from mmdet_panseg.ops import VOID_LABEL, SegmentTable, segment_rows

NUM_THINGS = 3
_STEP = 10_000


def _shared(image: np.ndarray) -> dict:
    return dict(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2], img_path='none.png')


def tracer(number: int, height: int, width: int) -> dict:
    """Sample whose segments are its pixels, all of them things."""
    count = height * width
    ids = 1 + number * _STEP + np.arange(count)
    table = SegmentTable.from_segments(ids, np.zeros(count), np.ones(count), np.zeros(count))
    segment_map = segment_rows(count).reshape(height, width).astype(np.uint16)
    return dict(_shared(np.zeros((height, width, 3), np.uint8)), width=width, gt_seg_map=segment_map, gt_segments=table)


def traced(results: dict, samples: list[dict]) -> np.ndarray:
    """Number of the sample, line and column that each pixel of mixed tracers comes from, int, shape (H, W, 3)."""
    numbers, places = np.divmod(results['gt_segments'].ids[results['gt_seg_map']] - 1, _STEP)
    widths = np.array([sample['width'] for sample in samples])[numbers]
    return np.stack([numbers, *np.divmod(places, widths)], axis=-1)


def segment_sample(rng: np.random.Generator, height: int, width: int, count: int) -> dict:
    """Things, crowds, stuff and void in blocks of three pixels; ids are those of other samples too."""
    labels = rng.integers(0, 6, count)
    crowd = (labels < NUM_THINGS) & (rng.random(count) < 0.2)
    table = SegmentTable.from_segments(1 + np.arange(count), labels, labels < NUM_THINGS, crowd)
    values = np.append(segment_rows(count), VOID_LABEL).astype(np.uint16)
    coarse = rng.choice(values, (-(-height // 3), -(-width // 3)))
    segment_map = np.kron(coarse, np.ones((3, 3), np.uint16))[:height, :width]
    return dict(_shared(ramp(height, width)), gt_seg_map=segment_map, gt_segments=table)


def instance_sample(
    rng: np.random.Generator, height: int, width: int, count: int, first: int, polygons: bool, semantic: bool
) -> dict:
    """Boxes that overlap, some of one pixel, some ignored, and a semantic map that agrees with the upper ones.

    Labels are first, first + 1, ... so that each object is known by its label.
    """
    x1, y1 = rng.integers(0, width, count), rng.integers(0, height, count)
    x2, y2 = (np.minimum(a + rng.choice([1, 4, 15], count), side) for a, side in ((x1, width), (y1, height)))
    corners = np.stack([x1, y1, x2, y1, x2, y2, x1, y2], axis=1).astype(np.float64)
    masks = PolygonMasks([[polygon] for polygon in corners], height, width)
    labels = first + np.arange(count)
    semantic_map = rng.choice([VOID_LABEL, 200, 201], (height, width)).astype(np.uint8)
    for mask, label in zip(masks.to_ndarray(), labels, strict=True):
        semantic_map[mask > 0] = label
    return dict(
        _shared(ramp(height, width)),
        gt_masks=masks if polygons else BitmapMasks(masks.to_ndarray().astype(np.uint8), height, width),
        gt_bboxes=HorizontalBoxes(torch.from_numpy(corners[:, [0, 1, 4, 5]].astype(np.float32))),
        gt_bboxes_labels=labels,
        gt_ignore_flags=rng.random(count) < 0.2,
        **(dict(gt_seg_map=semantic_map) if semantic else {}),
    )


def ramp(height: int, width: int) -> np.ndarray:
    """Image that rises by five a pixel, to the right in one channel and downwards in another."""
    y, x = np.mgrid[:height, :width]
    return np.stack([5 * x, 5 * y, 0 * x], axis=-1).astype(np.uint8)


def assert_pixels_come_from(results: dict, origin: np.ndarray, tolerance: float) -> None:
    """Check the image, made of ramps, against the places that its pixels come from.

    Args:
        results: Mixed sample.
        origin: Result of :func:`traced`.
        tolerance: How far bilinear pixels may be off, in pixels of their image.
    """
    assert results['img'].shape[:2] == results['img_shape'] == origin.shape[:2]
    assert results['img'].dtype == np.uint8
    found = results['img'][..., :2].astype(int)
    assert np.abs(found - 5 * origin[..., [2, 1]]).max() <= 5 * tolerance


def assert_segments_come_from(results: dict, samples: list[dict], origin: np.ndarray) -> None:
    """Check map and table, pixel by pixel, against the samples' own."""
    segment_map, table = results['gt_seg_map'], results['gt_segments']
    assert segment_map.shape == origin.shape[:2] and segment_map.dtype == np.uint16
    rows = {}
    for new, (number, y, x) in zip(segment_map.reshape(-1).tolist(), origin.reshape(-1, 3).tolist(), strict=True):
        old, own = samples[number]['gt_seg_map'][y, x], samples[number]['gt_segments']
        for name in ('labels', 'is_thing', 'is_crowd', 'is_instance'):
            assert getattr(table, name)[new] == getattr(own, name)[old]
        if own.labels[old] != VOID_LABEL:
            key = (number, int(old)) if own.is_thing[old] else int(own.labels[old])
            assert rows.setdefault(key, new) == new
    assert sorted(rows.values()) == table.rows.tolist()
    assert len({*table.ids[table.rows].tolist()}) == len(table.rows)


def assert_instances_come_from(
    results: dict, samples: list[dict], origin: np.ndarray, chosen: list[list[int]] | None = None
) -> None:
    """Check masks, boxes, labels, flags and semantic map, pixel by pixel, against the samples' own.

    Args:
        results: Mixed sample.
        samples: The samples.
        origin: Result of :func:`traced`.
        chosen: Indices of the instances that come along, for each sample; all if not given.
    """
    height, width = origin.shape[:2]
    expected = {}
    for number, sample in enumerate(samples):
        masks = sample['gt_masks'].to_ndarray()
        for index in range(len(masks)) if chosen is None else chosen[number]:
            mask = np.zeros((height, width), np.uint8)
            for y, x in np.ndindex(height, width):
                if origin[y, x, 0] == number:
                    mask[y, x] = masks[index][origin[y, x, 1], origin[y, x, 2]]
            if mask.any():
                expected[int(sample['gt_bboxes_labels'][index])] = (mask, sample['gt_ignore_flags'][index])
    assert sorted(results['gt_bboxes_labels'].tolist()) == sorted(expected)
    assert isinstance(results['gt_masks'], BitmapMasks) and results['gt_masks'].masks.dtype == np.uint8
    assert results['gt_masks'].masks.shape == (len(expected), height, width)
    assert results['gt_bboxes'].tensor.shape == (len(expected), 4) and results['gt_ignore_flags'].dtype == bool
    for label, mask, box, ignored in zip(
        results['gt_bboxes_labels'].tolist(),
        results['gt_masks'].masks,
        results['gt_bboxes'].tensor.tolist(),
        results['gt_ignore_flags'],
        strict=True,
    ):
        np.testing.assert_array_equal(mask, expected[label][0])
        assert ignored == expected[label][1]
        ys, xs = np.nonzero(mask)
        assert box == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
    if 'gt_seg_map' in samples[0]:
        semantic = [[samples[number]['gt_seg_map'][y, x] for number, y, x in line] for line in origin.tolist()]
        np.testing.assert_array_equal(results['gt_seg_map'], semantic)
        assert results['gt_seg_map'].dtype == np.uint8
