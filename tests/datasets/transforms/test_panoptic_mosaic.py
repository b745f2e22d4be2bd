"""Four images in one: each pixel's ground truth against a loop, and the way to packed samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.structures.mask import BitmapMasks

from mixing_cases import (
    assert_instances_come_from,
    assert_pixels_come_from,
    assert_segments_come_from,
    instance_sample,
    segment_sample,
    traced,
    tracer,
)
from mmdet_panseg.datasets import DatasetError, FixClassGT, PanopticMosaic
from mmdet_panseg.errors import ConfigError

SIZE = st.tuples(st.integers(1, 30), st.integers(1, 30))
CANVAS = st.tuples(st.integers(2, 34), st.integers(2, 34))


def mix(mosaic, samples, seed):
    np.random.seed(seed)
    return mosaic({**samples[0], 'mix_results': samples[1:]})


def mosaic_and_origin(canvas, scale_range, sizes, seed):
    """The transform, and where each pixel comes from."""
    mosaic = PanopticMosaic(img_scale=canvas, scale_range=scale_range, center_range=(0, 1))
    tracers = [tracer(number, *size) for number, size in enumerate(sizes)]
    return mosaic, traced(mix(mosaic, tracers, seed), tracers)


@settings(max_examples=60, deadline=None)
@given(CANVAS, st.lists(SIZE, min_size=4, max_size=4), st.floats(0.1, 2), st.integers(0, 2**20))
def test_each_image_fills_one_quarter(canvas, sizes, scale, seed):
    _, origin = mosaic_and_origin(canvas, (scale, scale), sizes, seed)
    assert origin.shape[:2] == canvas[::-1]
    numbers = origin[..., 0]
    x, y = (numbers[0] == 0).sum(), (numbers[:, 0] == 0).sum()
    assert 0 < x < canvas[0] and 0 < y < canvas[1]
    for number, part in enumerate((origin[:y, :x], origin[:y, x:], origin[y:, :x], origin[y:, x:])):
        assert (part[..., 0] == number).all()
        lines, columns = part[:, 0, 1], part[0, :, 2]
        assert (part[..., 1] == lines[:, None]).all() and (part[..., 2] == columns).all(), 'nothing is turned or bent'
        assert (np.diff(lines) >= 0).all() and (np.diff(columns) >= 0).all()
        fitting = min(canvas[0] / sizes[number][1], canvas[1] / sizes[number][0])
        filling = max(part.shape[0] / sizes[number][0], part.shape[1] / sizes[number][1])
        for positions, length in ((lines, sizes[number][0]), (columns, sizes[number][1])):
            pixels = max(round(length * max(scale * fitting, filling)), len(positions))
            assert np.abs(np.diff(positions) - length / pixels).max(initial=0) < 1, 'the scale is that asked for'


@settings(max_examples=60, deadline=None)
@given(
    CANVAS,
    st.lists(st.tuples(SIZE, st.sampled_from([0, 1, 7, 300])), min_size=4, max_size=4),
    st.floats(0.3, 1.5),
    st.integers(0, 2**20),
)
def test_segments_are_those_of_each_pixel(canvas, images, scale, seed):
    rng = np.random.default_rng(seed)
    mosaic, origin = mosaic_and_origin(canvas, (scale / 2, scale), [size for size, _ in images], seed)
    samples = [segment_sample(rng, *size, count) for size, count in images]
    results = mix(mosaic, samples, seed)
    assert_segments_come_from(results, samples, origin)
    semantic = results['gt_segments'].semantic_map(results['gt_seg_map'])
    fixed = FixClassGT()(results)
    np.testing.assert_array_equal(fixed['gt_seg_map'], semantic)
    for mask, label in zip(fixed['gt_masks'].masks, fixed['gt_bboxes_labels'], strict=True):
        assert set(semantic[mask > 0]) == {label}


@settings(max_examples=60, deadline=None)
@given(
    CANVAS,
    st.lists(st.tuples(SIZE, st.integers(0, 6)), min_size=4, max_size=4),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**20),
)
def test_instances_are_those_of_each_pixel(canvas, images, polygons, semantic, seed):
    rng = np.random.default_rng(seed)
    mosaic, origin = mosaic_and_origin(canvas, (0.4, 1.2), [size for size, _ in images], seed)
    samples = [
        instance_sample(rng, *size, count, 10 * number, polygons, semantic)
        for number, (size, count) in enumerate(images)
    ]
    results = mix(mosaic, samples, seed)
    assert_instances_come_from(results, samples, origin)
    fixed = FixClassGT()(dict(results))
    np.testing.assert_array_equal(fixed['gt_masks'].masks, results['gt_masks'].masks)


@pytest.mark.parametrize('scale', [0.5, 0.8, 1.5])
def test_image_and_labels_are_in_the_same_place(scale):
    for seed in range(20):
        sizes = np.random.default_rng(seed).integers(30, 50, (4, 2)).tolist()
        mosaic, origin = mosaic_and_origin((48, 40), (scale, scale), sizes, seed)
        samples = [segment_sample(np.random.default_rng(seed), *size, 5) for size in sizes]
        assert_pixels_come_from(mix(mosaic, samples, seed), origin, tolerance=1.6)


def test_semantic_maps_alone_and_grey_images():
    samples = [instance_sample(np.random.default_rng(k), 20, 30, 3, 10 * k, False, True) for k in range(4)]
    bare = [dict(img=sample['img'][..., 0], gt_seg_map=sample['gt_seg_map']) for sample in samples]
    mosaic, origin = mosaic_and_origin((30, 20), (1, 1), [(20, 30)] * 4, 3)
    results = mix(mosaic, bare, 3)
    expected = [[samples[number]['gt_seg_map'][y, x] for number, y, x in line] for line in origin.tolist()]
    np.testing.assert_array_equal(results['gt_seg_map'], expected)
    assert results['img'].shape == (20, 30)


def test_share_of_mixed_images():
    np.random.seed(0)
    mosaic = PanopticMosaic(prob=0.25)
    chosen = [mosaic.get_indexes(range(5)) for _ in range(1000)]
    assert {len(indexes) for indexes in chosen} == {0, 3}
    assert 200 < sum(map(bool, chosen)) < 300
    assert {index for indexes in chosen for index in indexes} == set(range(5))
    sample = tracer(0, 4, 4)
    assert mosaic({**sample, 'mix_results': []})['gt_seg_map'] is sample['gt_seg_map']


def spoilt(change) -> dict:
    sample = instance_sample(np.random.default_rng(0), 20, 30, 3, 0, False, True)
    return {key: value for key, value in {**sample, **change}.items() if value is not None}


@pytest.mark.parametrize(
    ('results', 'error', 'message'),
    [
        (spoilt({}), ConfigError, 'pipeline of a MultiImageMixDataset'),
        (spoilt(dict(mix_results=[spoilt({})])), ConfigError, 'mix_results has 1 samples, it takes 3'),
        (spoilt(dict(mix_results=[spoilt({})] * 3, gt_areas=0)), ConfigError, 'move FixClassGT behind'),
        (spoilt(dict(mix_results=[spoilt(dict(gt_masks=None))] * 3)), ConfigError, 'with_mask=True'),
        (
            spoilt(dict(mix_results=[spoilt({}), spoilt(dict(gt_seg_map=None)), spoilt({})])),
            DatasetError,
            'the same annotations',
        ),
        (
            spoilt(dict(mix_results=[spoilt(dict(gt_masks=BitmapMasks([], 9, 30)))] * 3)),
            DatasetError,
            r'none.png.*gt_masks has height and width \(9, 30\), the image \(20, 30\); put .* before Resize',
        ),
        (
            spoilt(dict(mix_results=[spoilt(dict(gt_seg_map=np.zeros((20, 9))))] * 3)),
            DatasetError,
            r'gt_seg_map has height and width \(20, 9\)',
        ),
    ],
)
def test_wrong_places_in_the_pipeline_are_named(results, error, message):
    with pytest.raises(error, match=f'PanopticMosaic.*{message}'):
        PanopticMosaic(img_scale=(30, 20))(results)


@pytest.mark.parametrize(
    ('setting', 'value'), [('img_scale', (1, 9)), ('center_range', (0.5, 1.5)), ('scale_range', (0, 1)), ('prob', 1.5)]
)
def test_wrong_settings_are_named(setting, value):
    with pytest.raises(ValueError, match=f'PanopticMosaic: {setting}'):
        PanopticMosaic(**{setting: value})
