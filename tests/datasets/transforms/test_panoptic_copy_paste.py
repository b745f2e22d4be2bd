"""Objects of another image on top: each pixel's ground truth against a loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.datasets.transforms import CopyPaste
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
from mmdet_panseg.datasets import FixClassGT, PanopticCopyPaste
from mmdet_panseg.errors import ConfigError

SIZE = st.tuples(st.integers(1, 30), st.integers(1, 30))
SCALES = st.sampled_from([(1.0, 1.0), (0.3, 1.0), (0.7, 2.0)])


def mix(paste, samples, seed):
    np.random.seed(seed)
    return paste({**samples[0], 'mix_results': samples[1:]})


def origin_of_whole_images(scale_range, flip_prob, sizes, seed):
    """Where pixels come from if the whole of the second image is pasted."""
    tracers = [tracer(number, *size) for number, size in enumerate(sizes)]
    paste = PanopticCopyPaste(selected=False, scale_range=scale_range, flip_prob=flip_prob)
    return traced(mix(paste, tracers, seed), tracers)


def with_pixels_below(origin: np.ndarray, pasted: np.ndarray) -> np.ndarray:
    """Origin of pixels if only those of chosen objects are pasted.

    Args:
        origin: Origin for the whole second image, shape (H, W, 3).
        pasted: Pixels of the second image that are chosen, bool, shape (h, w).
    """
    origin = origin.copy()
    for y, x in np.ndindex(*origin.shape[:2]):
        number, line, column = origin[y, x]
        if number == 1 and not pasted[line, column]:
            origin[y, x] = 0, y, x
    return origin


@settings(max_examples=60, deadline=None)
@given(SIZE, SIZE, SCALES, st.booleans(), st.integers(0, 2**20))
def test_where_an_image_is_pasted(below, above, scale_range, flip, seed):
    origin = origin_of_whole_images(scale_range, float(flip), [below, above], seed)
    assert origin.shape[:2] == below
    y, x = np.nonzero(origin[..., 0])
    window = origin[y.min() : y.max() + 1, x.min() : x.max() + 1]
    assert (window[..., 0] == 1).all(), 'a rectangle'
    lines, columns = window[:, 0, 1], window[0, :, 2][:: -1 if flip else 1]
    assert (window[..., 1] == lines[:, None]).all() and (window[0, :, 2] == window[..., 2]).all()
    assert (np.diff(lines) >= 0).all() and (np.diff(columns) >= 0).all()
    for axis, positions in enumerate((lines, columns)):
        sides = [max(round(above[axis] * scale), 1) for scale in scale_range]
        assert min(sides[0], below[axis]) <= len(positions) <= min(sides[1], below[axis])
        if scale_range == (1.0, 1.0):
            assert (np.diff(positions) == 1).all()
    outside = origin[..., 0] == 0
    np.testing.assert_array_equal(origin[outside][:, 1:], np.argwhere(outside))


def test_images_of_one_size_are_pasted_in_place():
    origin = origin_of_whole_images((1, 1), 0.0, [(20, 30)] * 2, 0)
    np.testing.assert_array_equal(origin[..., 1:], np.moveaxis(np.mgrid[:20, :30], 0, -1))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(SIZE, st.sampled_from([0, 1, 7, 300])), min_size=2, max_size=2),
    SCALES,
    st.booleans(),
    st.integers(1, 9),
    st.integers(0, 2**20),
)
def test_segments_are_those_of_each_pixel(images, scale_range, selected, max_num_pasted, seed):
    rng = np.random.default_rng(seed)
    whole = origin_of_whole_images(scale_range, 0.5, [size for size, _ in images], seed)
    samples = [segment_sample(rng, *size, count) for size, count in images]
    settings_of = dict(selected=selected, max_num_pasted=max_num_pasted, scale_range=scale_range, flip_prob=0.5)
    chosen = []

    class Watched(PanopticCopyPaste):
        def _chosen(self, source):
            chosen.extend(super()._chosen(source))
            return np.array(chosen, np.int64)

    results = mix(Watched(**settings_of), samples, seed)
    table = samples[1]['gt_segments']
    objects = np.flatnonzero(table.is_instance)
    assert set(chosen) <= set(objects) and len(set(chosen)) == len(chosen)
    if selected:
        assert min(1, len(objects)) <= len(chosen) <= max_num_pasted
    else:
        assert len(chosen) == len(objects)
    origin = with_pixels_below(whole, np.isin(samples[1]['gt_seg_map'], chosen))
    assert_segments_come_from(results, samples, origin)
    if scale_range == (1.0, 1.0):
        assert_pixels_come_from(results, origin, tolerance=0)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(SIZE, st.integers(0, 6)), min_size=2, max_size=2),
    SCALES,
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**20),
)
def test_instances_are_those_of_each_pixel(images, scale_range, polygons, semantic, seed):
    rng = np.random.default_rng(seed)
    whole = origin_of_whole_images(scale_range, 0.5, [size for size, _ in images], seed)
    samples = [
        instance_sample(rng, *size, count, 10 * number, polygons, semantic)
        for number, (size, count) in enumerate(images)
    ]
    paste = PanopticCopyPaste(scale_range=scale_range, flip_prob=0.5, max_num_pasted=3)
    results = mix(paste, samples, seed)
    # Chosen objects that are out of sight make no difference.
    chosen = [label - 10 for label in results['gt_bboxes_labels'].tolist() if label >= 10]
    masks = samples[1]['gt_masks'].to_ndarray().astype(bool)
    assert len(chosen) <= 3 and not samples[1]['gt_ignore_flags'][chosen].any()
    origin = with_pixels_below(whole, masks[chosen].any(axis=0))
    assert_instances_come_from(results, samples, origin, [list(range(images[0][1])), chosen])
    if scale_range == (1.0, 1.0):
        assert_pixels_come_from(results, origin, tolerance=0)
    assert len(FixClassGT()(results)['gt_masks']) == len(results['gt_masks'])


@pytest.mark.parametrize(
    ('above', 'left_over'),
    [((0, 0, 20, 5), (4, 5, 10, 12)), ((0, 0, 6, 20), (6, 2, 10, 12)), ((5, 3, 9, 9), (4, 2, 10, 12))],
)
def test_what_is_covered_is_cut_out(above, left_over):
    """Boxes (x1, y1, x2, y2) of one object below and one above, after pasting."""
    samples = []
    for label, (x1, y1, x2, y2) in enumerate([(4, 2, 10, 12), above]):
        sample = instance_sample(np.random.default_rng(0), 20, 20, 1, label, False, False)
        sample['gt_masks'] = BitmapMasks(np.zeros((1, 20, 20), np.uint8), 20, 20)
        sample['gt_masks'].masks[0, y1:y2, x1:x2] = 1
        sample['gt_ignore_flags'][:] = False
        samples.append(sample)
    results = mix(PanopticCopyPaste(), samples, 0)
    assert results['gt_bboxes'].tensor.tolist() == [list(left_over), list(above)]
    below, pasted = (sample['gt_masks'].masks[0] for sample in samples)
    np.testing.assert_array_equal(results['gt_masks'].masks, [below & ~pasted & 1, pasted])


def test_as_mmdet_pastes():
    """All objects, images of one size, nothing dropped for being small."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        samples = [instance_sample(rng, 20, 30, 4, 10 * number, False, False) for number in range(2)]
        samples[1]['gt_ignore_flags'][:] = False
        ours = mix(PanopticCopyPaste(selected=False), samples, seed)
        theirs = CopyPaste(selected=False, bbox_occluded_thr=-1, mask_occluded_thr=0)(
            {**samples[0], 'mix_results': [dict(samples[1])]}
        )
        np.testing.assert_array_equal(ours['img'], theirs['img'])
        for key in ('gt_bboxes_labels', 'gt_ignore_flags'):
            np.testing.assert_array_equal(ours[key], theirs[key])
        np.testing.assert_array_equal(ours['gt_masks'].masks, theirs['gt_masks'].masks)
        np.testing.assert_array_equal(ours['gt_bboxes'].tensor, theirs['gt_bboxes'].tensor)


def test_pasted_and_mirrored_pixels_are_where_their_labels_are():
    for seed in range(20):
        sizes = np.random.default_rng(seed).integers(30, 50, (2, 2)).tolist()
        origin = origin_of_whole_images((0.5, 1.5), 0.5, sizes, seed)
        samples = [segment_sample(np.random.default_rng(seed + k), *size, 20) for k, size in enumerate(sizes)]
        table = samples[1]['gt_segments']
        pasted = table.is_instance[samples[1]['gt_seg_map']]
        results = mix(PanopticCopyPaste(selected=False, scale_range=(0.5, 1.5), flip_prob=0.5), samples, seed)
        assert_pixels_come_from(results, with_pixels_below(origin, pasted), tolerance=1.6)


def test_how_many_are_pasted():
    """Each number from one to the limit, and each object, in turn."""
    sample = instance_sample(np.random.default_rng(0), 20, 30, 6, 10, False, False)
    sample['gt_ignore_flags'] = np.arange(6) == 2
    paste = PanopticCopyPaste(max_num_pasted=3)
    chosen = [paste._chosen(sample).tolist() for _ in range(300)]
    assert {len(indices) for indices in chosen} == {1, 2, 3}
    assert {index for indices in chosen for index in indices} == {0, 1, 3, 4, 5}


def test_share_of_images_with_pasted_objects():
    np.random.seed(0)
    paste = PanopticCopyPaste(prob=0.25)
    chosen = [paste.get_indexes(range(5)) for _ in range(1000)]
    assert 200 < sum(map(bool, chosen)) < 300
    assert {index for indexes in chosen for index in indexes} == set(range(5))
    sample = tracer(0, 4, 4)
    assert paste({**sample, 'mix_results': []})['gt_seg_map'] is sample['gt_seg_map']


def test_a_pipeline_without_objects_is_named():
    sample = dict(img=np.zeros((4, 4, 3), np.uint8), gt_seg_map=np.zeros((4, 4), np.uint8))
    with pytest.raises(ConfigError, match='PanopticCopyPaste needs objects: put LoadPanopticSegments or'):
        PanopticCopyPaste()({**sample, 'mix_results': [sample]})
    with pytest.raises(ConfigError, match='PanopticCopyPaste.* MultiImageMixDataset'):
        PanopticCopyPaste()(sample)


@pytest.mark.parametrize(
    ('setting', 'value'), [('max_num_pasted', 0), ('scale_range', (2, 1)), ('flip_prob', -1), ('prob', 1.5)]
)
def test_wrong_settings_are_named(setting, value):
    with pytest.raises(ValueError, match=f'PanopticCopyPaste: {setting}'):
        PanopticCopyPaste(**{setting: value})
