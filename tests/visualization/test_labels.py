from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.visualization.fonts import load_font
from mmdet_panseg.visualization.labels import draw_labels, label_box, place_label, shorten

BLACK = np.zeros((120, 200, 3), dtype=np.uint8)
RED = np.array([[255, 0, 0]], dtype=np.uint8)


def changed_box(drawn, image):
    rows, columns = np.nonzero((drawn != image).any(axis=-1))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@given(
    label=st.tuples(st.integers(1, 60), st.integers(1, 40)),
    corner=st.tuples(st.integers(0, 99), st.integers(0, 79)),
    extent=st.tuples(st.integers(1, 100), st.integers(1, 80)),
)
@settings(max_examples=100, deadline=None)
def test_place_is_inside_the_image_and_has_the_size_of_the_label(label, corner, extent):
    box = (*corner, min(100, corner[0] + extent[0]), min(80, corner[1] + extent[1]))
    x0, y0, x1, y1 = place_label(label, box, np.zeros((80, 100)))
    assert (x1 - x0, y1 - y0) == label
    assert x0 >= 0 and y0 >= 0 and x1 <= 100 and y1 <= 80


def test_place_avoids_what_is_costly():
    cost = np.zeros((100, 100))
    box = (40, 40, 60, 60)
    assert place_label((20, 10), box, cost) == (40, 30, 60, 40)
    cost[:40] = 1
    cost[40:60, 40:60] = 1
    assert place_label((20, 10), box, cost) == (40, 60, 60, 70)
    cost[:] = 1
    x0, y0, x1, y1 = place_label((20, 10), box, cost)
    assert x0 >= 40 and y0 >= 40 and x1 <= 60 and y1 <= 60, 'everything being full, the label goes onto its object'


@pytest.mark.parametrize('box', [(0, 0, 5, 5), (195, 115, 200, 120), (0, 0, 200, 120), (90, 60, 91, 61)])
@pytest.mark.parametrize('text', ['cat', 'traffic light 0.97', 'a very long class name that does not fit at all 0.5'])
def test_label_is_on_the_canvas_with_readable_contrast(box, text):
    drawn = draw_labels(BLACK, [text], [box], RED)
    assert drawn.shape == BLACK.shape
    x0, y0, x1, y1 = changed_box(drawn, BLACK)
    label = drawn[y0:y1, x0:x1]
    background = (label == RED[0]).all(axis=-1).mean()
    # Nothing of the label is cut off: its background surrounds the text on all sides.
    assert 0.4 < background < 1
    for edge in (label[0], label[-1], label[:, 0], label[:, -1]):
        assert (edge == RED[0]).all()


def test_canvas_too_small_for_text_gets_none():
    tiny = np.zeros((6, 6, 3), dtype=np.uint8)
    assert (draw_labels(tiny, ['cat'], [(0, 0, 6, 6)], RED) == 0).all()


def test_no_labels():
    assert (draw_labels(BLACK, [], [], np.zeros((0, 3), dtype=np.uint8)) == BLACK).all()


def test_labels_of_close_objects_do_not_cover_each_other():
    boxes = [(80, 50, 90, 60), (82, 52, 92, 62), (84, 54, 94, 64)]
    colors = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], dtype=np.uint8)
    alone = [draw_labels(BLACK, ['cat'], [box], color[None]) for box, color in zip(boxes, colors, strict=True)]
    together = draw_labels(BLACK, ['cat'] * 3, boxes, colors)
    for picture, color in zip(alone, colors, strict=True):
        expected = (picture == color).all(axis=-1).sum()
        assert (together == color).all(axis=-1).sum() >= 0.7 * expected > 0


def test_labels_without_a_free_place_are_left_out():
    colors = np.repeat(RED, 200, axis=0)
    colors[-1] = (0, 0, 255)
    drawn = draw_labels(BLACK, ['cat'] * 200, [(90, 55, 100, 65)] * 200, colors)
    assert not (drawn == colors[-1]).all(axis=-1).any()


@pytest.mark.parametrize('max_width', [5, 20, 60, 400])
def test_shortened_text_fits(max_width):
    font = load_font('', 14)
    text = shorten('hair drier 0.55', font, max_width)
    assert font.getlength(text) <= max_width
    assert (text == 'hair drier 0.55') == (max_width == 400)


@settings(deadline=None, max_examples=40)
@given(st.integers(12, 40), st.integers(20, 60), st.integers(0, 2**32 - 1))
def test_labels_lie_inside_a_rectangle_that_has_room_for_them(height, width, seed):
    rng = np.random.default_rng(seed)
    y, x = int(rng.integers(0, 20)), int(rng.integers(0, 30))
    mask = np.zeros((y + height + 9, x + width + 7), dtype=bool)
    mask[y : y + height, x : x + width] = True
    x0, y0, x1, y1 = label_box(mask, (12, 6))
    assert (x1 - x0, y1 - y0) == (12, 6)
    assert x <= x0 and x1 <= x + width and y <= y0 and y1 <= y + height


def test_labels_lie_in_the_widest_part():
    mask = np.zeros((60, 200), dtype=bool)
    mask[28:32] = True
    mask[10:50, 120:190] = True
    x0, y0, x1, y1 = label_box(mask, (40, 16))
    assert mask[y0:y1, x0:x1].all() and x0 >= 120


@pytest.mark.parametrize('shape', [(1, 1), (1, 50), (50, 1)])
def test_regions_of_a_pixel_have_a_label_too(shape):
    mask = np.zeros(shape, dtype=bool)
    y, x = shape[0] // 2, shape[1] // 2
    mask[y, x] = True
    x0, y0, x1, y1 = label_box(mask, (60, 18))
    assert x0 <= x <= x1 and y0 <= y <= y1
