from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import VOID_LABEL, SegmentTable, add_panoptic_counts, panoptic_counts, panoptic_quality
from panoptic_cases import NUM_CLASSES, NUM_THINGS, random_case, write_files


def counts_by_masks(gt_map, table, pred_map, num_classes):
    """The definition, one pair of masks at a time: lists of IoU of matches, false positives and negatives by class."""
    void = table.labels[gt_map] == VOID_LABEL
    predicted = {value: pred_map == value for value in np.unique(pred_map) if value % 1000 != num_classes}
    ious, fp, fn = ([[] for _ in range(num_classes)] for _ in range(3))
    matched = set()
    crowds = {}
    for row in table.rows:
        label = table.labels[row]
        if table.is_crowd[row]:
            crowds[label] = gt_map == row
            continue
        for value, mask in predicted.items():
            shared = (mask & (gt_map == row)).sum()
            if value % 1000 == label and shared and shared / ((mask & ~void) | (gt_map == row)).sum() > 0.5:
                ious[label].append(shared / ((mask & ~void) | (gt_map == row)).sum())
                matched |= {row, value + len(table)}
        if row not in matched:
            fn[label].append(row)
    for value, mask in predicted.items():
        ignored = void | crowds.get(value % 1000, False)
        if value + len(table) not in matched and (mask & ignored).sum() / mask.sum() <= 0.5:
            fp[value % 1000].append(value)
    return ious, fp, fn


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**30), st.integers(1, 30), st.integers(1, 30), st.integers(0, 12))
def test_counts_follow_the_definition(seed, height, width, num_segments):
    case = random_case(seed, height, width, num_segments)
    counts = panoptic_counts(*case, NUM_CLASSES)
    ious, fp, fn = counts_by_masks(*case, NUM_CLASSES)
    assert counts.tp.tolist() == [len(matches) for matches in ious]
    assert counts.fp.tolist() == [len(values) for values in fp]
    assert counts.fn.tolist() == [len(rows) for rows in fn]
    np.testing.assert_allclose(counts.iou_sum, [sum(matches) for matches in ious], atol=1e-12)


def quality_of(cases):
    counts = add_panoptic_counts((panoptic_counts(*case, NUM_CLASSES) for case in cases), NUM_CLASSES)
    return panoptic_quality(counts, NUM_THINGS)


def assert_same_as_files(quality, expected):
    for group, means in (('All', quality.all), ('Things', quality.things), ('Stuff', quality.stuff)):
        for name in ('pq', 'sq', 'rq'):
            assert getattr(means, name) == pytest.approx(expected[group][name], abs=1e-9)
        assert means.num_classes == expected[group]['n']
    for label in range(NUM_CLASSES):
        for name in ('pq', 'sq', 'rq'):
            found, other = getattr(quality, name)[label], expected['per_class'][label + 1][name]
            # classes that never occur are 0 for panopticapi and -1 for hotcoco
            assert other in (0, -1) if np.isnan(found) else found == pytest.approx(other, abs=1e-9)


@pytest.fixture(params=['panopticapi', 'hotcoco'])
def score_files(request):
    """The function of another library that scores two JSON files with PNGs beside them."""
    if request.param == 'hotcoco':
        return pytest.importorskip('hotcoco.panoptic', reason='hotcoco is not installed').pq_compute
    evaluation = pytest.importorskip('panopticapi.evaluation', reason='panopticapi is not installed')

    def pq_compute_in_one_process(gt_json, pred_json):
        original = evaluation.pq_compute_multi_core
        evaluation.pq_compute_multi_core = lambda *args: evaluation.pq_compute_single_core(0, *args)
        try:
            return evaluation.pq_compute(str(gt_json), str(pred_json))
        finally:
            evaluation.pq_compute_multi_core = original

    return pq_compute_in_one_process


@pytest.mark.parametrize('num_segments', [1, 5, 25, 300])
def test_equals_the_libraries_on_generated_cases(score_files, num_segments, tmp_path):
    size = dict(height=120, width=161) if num_segments > 100 else dict(height=37, width=54)
    cases = [random_case(seed, num_segments=num_segments, **size) for seed in range(8)]
    cases += [random_case(99, 40, 40, 4)]
    quality = quality_of(cases)
    assert 0.02 < quality.all.pq < 0.9  # there are matches and misses
    assert_same_as_files(quality, score_files(*write_files(tmp_path, cases)))


def test_equals_the_libraries_on_real_annotations(score_files, real_data, tmp_path):
    folder = real_data('coco_panoptic_samples')
    truth = json.loads((folder / 'annotations' / 'panoptic_val.json').read_text())
    cases = []
    for seed, annotation in enumerate(truth['annotations']):
        rng = np.random.default_rng(seed)
        png = cv2.imread(str(folder / 'panoptic_val' / annotation['file_name'])).astype(np.int64)
        segments = annotation['segments_info']
        labels = np.array([segment['category_id'] % NUM_CLASSES for segment in segments])
        crowd = (rng.random(len(labels)) < 0.2) & (labels < NUM_THINGS)
        ids = np.array([segment['id'] for segment in segments])
        table = SegmentTable.from_segments(ids, labels, labels < NUM_THINGS, crowd)
        rows = np.full(2**24, VOID_LABEL, np.uint16)
        rows[ids] = table.rows
        gt_map = rows[png[..., 2] + 256 * png[..., 1] + 65536 * png[..., 0]]
        assert sorted(np.bincount(gt_map.ravel())[table.rows]) == sorted(segment['area'] for segment in segments)
        shift = np.roll(gt_map, (2, -3), (0, 1))
        labels = np.where(table.labels == VOID_LABEL, NUM_CLASSES, table.labels)
        labels[table.rows[::7]] = rng.integers(0, NUM_CLASSES + 1, len(table.rows[::7]))
        cases.append((gt_map, table, (labels + 1000 * (np.arange(len(table)) + 1) * (labels < NUM_CLASSES))[shift]))
    quality = quality_of(cases)
    assert 0.2 < quality.all.pq < 0.9
    assert_same_as_files(quality, score_files(*write_files(tmp_path, cases)))


def table_of(labels, crowds=()):
    labels = np.asarray(labels)
    return SegmentTable.from_segments(
        np.arange(len(labels)) + 1, labels, labels < NUM_THINGS, np.isin(np.arange(len(labels)), crowds)
    )


def fields(counts, label):
    return [float(field[label]) for field in counts]


def test_half_is_no_match():
    """An IoU of exactly 0.5 is no match, and a segment of which exactly half is void is a false positive."""
    gt_map = np.array([[0, 0, VOID_LABEL, VOID_LABEL]])
    counts = panoptic_counts(gt_map, table_of([1]), np.array([[1001, 5, 5, 5]]), NUM_CLASSES)
    assert fields(counts, 1) == [0, 0, 1, 1]
    counts = panoptic_counts(gt_map, table_of([1]), np.array([[5, 2002, 2002, 5]]), NUM_CLASSES)
    assert fields(counts, 2) == [0, 0, 1, 0]


def test_void_does_not_count_to_the_union():
    gt_map = np.array([[0, 0, VOID_LABEL, VOID_LABEL, VOID_LABEL]])
    counts = panoptic_counts(gt_map, table_of([4]), np.full((1, 5), 4), NUM_CLASSES)
    assert fields(counts, 4) == [1, 1, 0, 0]


def test_segments_on_a_crowd_are_ignored_for_its_class_alone():
    gt_map = np.array([[0, 0, 0, 1]])
    on_crowd = np.array([[1001, 1001, 2002, 3]])
    counts = panoptic_counts(gt_map, table_of([1, 3], crowds=[0]), on_crowd, NUM_CLASSES)
    assert [fields(counts, label) for label in (1, 2, 3)] == [[0, 0, 0, 0], [0, 0, 1, 0], [1, 1, 0, 0]]


def test_image_without_segments_and_without_pixels():
    for shape in ((3, 4), (0, 4)):
        counts = panoptic_counts(np.full(shape, VOID_LABEL), table_of([]), np.full(shape, NUM_CLASSES), NUM_CLASSES)
        assert not any(field.any() for field in counts) and counts.iou_sum.shape == (NUM_CLASSES,)
    quality = panoptic_quality(add_panoptic_counts([], NUM_CLASSES), NUM_THINGS)
    assert np.isnan(quality.pq).all() and np.isnan(quality.all.pq) and quality.stuff.num_classes == 0


def test_segments_without_pixels_are_missed():
    counts = panoptic_counts(np.full((2, 2), VOID_LABEL), table_of([1, 2], crowds=[1]), np.full((2, 2), 5), NUM_CLASSES)
    assert counts.fn.tolist() == [0, 1, 0, 0, 0]


def test_the_greatest_number_of_classes_has_its_void_apart():
    """With 255 classes void is 255 in predictions as well, which must not match void of the ground truth."""
    counts = panoptic_counts(np.full((2, 2), VOID_LABEL), table_of([]), np.full((2, 2), 255), 255)
    assert not any(field.any() for field in counts)


@pytest.mark.parametrize(
    ('gt_value', 'gt_label', 'pred_value', 'message'),
    [
        (0, 1, 1006, 'predicted label 6, but there are 5 classes'),
        (0, 5, 1001, 'ground truth label 5, but there are 5 classes'),
        (256, 1, 1001, 'ground truth value 256, but the table of the segments has 256 rows'),
        (0, 1, -1, 'found -1'),
    ],
)
def test_labels_that_do_not_fit_are_errors(gt_value, gt_label, pred_value, message):
    with pytest.raises(ValueError, match=message):
        panoptic_counts(np.full((2, 2), gt_value), table_of([gt_label]), np.full((2, 2), pred_value), NUM_CLASSES)
