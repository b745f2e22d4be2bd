from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdet_panseg.visualization import PanopticMap, class_palette, draw_panoptic_map, map_colors
from mmdet_panseg.visualization.painting import VOID

NAMES = ('car', 'person', 'sky', 'road')
PALETTE = class_palette(4)
SKY, ROAD = 7, 300


def photograph():
    return np.random.default_rng(0).integers(60, 180, (120, 200, 3), dtype=np.uint8)


def scene(scores=None, crowds=None):
    """Sky over road, three cars, and void in a corner."""
    segment_map = np.full((120, 200), SKY)
    segment_map[60:] = ROAD
    for k, x in enumerate((10, 80, 150)):
        segment_map[70:90, x : x + 20] = 1000 + k
    segment_map[105:, 170:] = 9999
    ids, labels = np.array([ROAD, 1000, 1001, SKY, 1002]), np.array([3, 0, 0, 2, 0])
    return PanopticMap(segment_map, ids, labels, labels < 2, scores, crowds)


def changed_area(first, second):
    return np.argwhere((first != second).any(axis=-1))


@given(st.integers(1, 9), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_index_maps_are_those_of_a_search(side, count, seed):
    rng = np.random.default_rng(seed)
    ids = rng.permutation(10)[:count] * 1000
    segment_map = rng.integers(0, 10, (side, side + 1)) * 1000
    panoptic = PanopticMap(segment_map, ids, np.zeros(count, int), np.zeros(count, bool))
    wanted = [[ids.tolist().index(v) if v in ids.tolist() else VOID for v in row] for row in segment_map.tolist()]
    assert (panoptic.index_map() == wanted).all()


def test_things_of_a_class_differ_and_stuff_has_its_colour():
    image, panoptic = np.full((120, 200, 3), 90, dtype=np.uint8), scene()
    drawn = draw_panoptic_map(image, panoptic, NAMES, PALETTE)
    samples = [tuple(drawn[88, x + 10]) for x in (10, 80, 150)]
    assert len(set(samples)) == 3
    grey_and_colour = 0.35 * 90 + 0.65 * np.array([PALETTE[2], PALETTE[3]])
    assert np.abs(drawn[[1, 118], [1, 1]] - grey_and_colour).max() <= 1
    assert drawn[110:, 175:].max() < 130, 'void'


def test_names_and_scores_are_written():
    image = photograph()
    scores = np.array([np.nan, 0.9, 0.4, np.nan, 0.6])
    plain, scored, better = (
        draw_panoptic_map(image, scene(values), NAMES, PALETTE)
        for values in (None, scores, np.where(scores == 0.4, 0.5, scores))
    )
    renamed = draw_panoptic_map(image, scene(), ('bus', *NAMES[1:]), PALETTE)
    assert len(changed_area(plain, scored)) and len(changed_area(plain, renamed))
    # Only the label of the second car has another score.
    where = changed_area(scored, better)
    assert len(where) and abs(where[:, 1].mean() - 90) < 40


def test_labels_of_the_best_things_only():
    image, scores = photograph(), np.array([np.nan, 0.9, 0.4, np.nan, 0.6])
    none, one = (draw_panoptic_map(image, scene(scores), NAMES, PALETTE, max_labels=n) for n in (0, 1))
    where = changed_area(none, one)
    assert len(where) and abs(where[:, 1].mean() - 20) < 40


def test_labels_do_not_hide_small_things():
    segment_map = np.full((120, 200), SKY)
    segment_map[58:64, 100:108] = 1000
    panoptic = PanopticMap(segment_map, np.array([SKY, 1000]), np.array([2, 0]), np.array([False, True]))
    image = photograph()
    none, labelled = (draw_panoptic_map(image, panoptic, NAMES, PALETTE, max_labels=n) for n in (0, 1))
    assert len(changed_area(none, labelled))
    assert (none[58:64, 100:108] == labelled[58:64, 100:108]).all()


def test_labels_of_large_things_lie_inside():
    segment_map = np.full((160, 300), SKY)
    segment_map[20:140, 60:260] = 1000
    panoptic = PanopticMap(segment_map, np.array([SKY, 1000]), np.array([2, 0]), np.array([False, True]))
    image = np.full((160, 300, 3), 90, dtype=np.uint8)
    none, labelled = (draw_panoptic_map(image, panoptic, NAMES, PALETTE, max_labels=n) for n in (0, 1))
    where = changed_area(none, labelled)
    assert len(where) and (segment_map[where[:, 0], where[:, 1]] == 1000).all()


def test_crowds_are_hatched_and_named_so():
    image = np.full((120, 200, 3), 90, dtype=np.uint8)
    crowds = np.array([False, True, False, False, False])
    plain, hatched = (draw_panoptic_map(image, scene(crowds=c), NAMES, PALETTE, max_labels=0) for c in (None, crowds))
    where = changed_area(plain, hatched)
    assert len(where) and (scene().segment_map[where[:, 0], where[:, 1]] == 1000).all()
    color = map_colors([3, 0], [False, True], PALETTE)[1]
    assert (hatched[72:88, 12:28] == color).all(axis=-1).any()
    assert len(changed_area(hatched, draw_panoptic_map(image, scene(crowds=crowds), NAMES, PALETTE)))


@pytest.mark.parametrize('frame', [(240, 400), (60, 100), (45, 45)])
def test_result_fits_the_frame(frame):
    drawn = draw_panoptic_map(photograph(), scene(), NAMES, PALETTE, frame)
    assert drawn.shape[0] <= frame[0] and drawn.shape[1] <= frame[1]
    assert drawn.shape[0] == frame[0] or drawn.shape[1] == frame[1]


def test_nothing_and_thousands_of_segments():
    image = photograph()
    nothing = PanopticMap(np.zeros((120, 200), int), np.zeros(0, int), np.zeros(0, int), np.zeros(0, bool))
    assert draw_panoptic_map(image, nothing, NAMES, PALETTE).max() < 130
    segment_map = np.arange(60 * 100).reshape(60, 100).repeat(2, axis=0).repeat(2, axis=1)
    labels = np.zeros(6000, int)
    many = PanopticMap(segment_map, np.arange(6000), labels, labels == 0, scores=np.linspace(0, 1, 6000))
    assert draw_panoptic_map(image, many, NAMES, PALETTE).shape == image.shape


def test_wrong_sizes_and_labels_are_refused():
    with pytest.raises(ValueError, match='does not fit an image'):
        draw_panoptic_map(photograph()[1:], scene(), NAMES, PALETTE)
    with pytest.raises(ValueError, match='do not fit 3 class names'):
        draw_panoptic_map(photograph(), scene(), NAMES[:3], PALETTE)
