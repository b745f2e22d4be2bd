from __future__ import annotations

import numpy as np
import pytest

from mmdet_panseg.visualization import SheetRow, compose_sheet


def picture(height, width, color):
    return np.full((height, width, 3), color, dtype=np.uint8)


def find(sheet, color):
    """Box (y0, x0, y1, x1) of the pixels of a colour."""
    rows, columns = np.nonzero((sheet == np.array(color)).all(axis=-1))
    return rows.min(), columns.min(), rows.max() + 1, columns.max() + 1


RED, GREEN, BLUE, PINK = (200, 10, 20), (10, 200, 20), (10, 20, 200), (250, 100, 150)


def test_images_are_pasted_whole_and_in_their_columns():
    rows = [
        SheetRow('first.jpg', [picture(40, 90, RED), picture(40, 60, GREEN)]),
        SheetRow('second.jpg', [picture(70, 30, BLUE), picture(20, 60, PINK)]),
    ]
    sheet = compose_sheet(rows, ['left', 'right'])
    boxes = [find(sheet, color) for color in (RED, GREEN, BLUE, PINK)]
    assert [(y1 - y0, x1 - x0) for y0, x0, y1, x1 in boxes] == [(40, 90), (40, 60), (70, 30), (20, 60)]
    red, green, blue, pink = boxes
    assert red[3] < green[1] and blue[3] < pink[1]
    assert max(red[2], green[2]) < min(blue[0], pink[0])
    # Narrower and lower images are centred in their column and row.
    assert red[1] + red[3] == blue[1] + blue[3] and green[1] + green[3] == pink[1] + pink[3]
    assert blue[0] + blue[2] == pink[0] + pink[2]
    # Margins, heading and captions need room, but not much.
    assert 90 + 60 < sheet.shape[1] < 90 + 60 + 60
    assert 40 + 70 < sheet.shape[0] < 40 + 70 + 140


@pytest.mark.parametrize('columns', [1, 3, 5])
def test_number_of_columns_is_free(columns):
    images = [picture(30, 50, RED)] * columns
    sheet = compose_sheet([SheetRow('name', images)], ['title'] * columns)
    assert (sheet == np.array(RED)).all(axis=-1).sum() == 30 * 50 * columns
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3


def test_caption_and_titles_leave_marks_outside_the_images():
    images = [picture(30, 200, RED)]
    bare = compose_sheet([SheetRow('', images)], [''])
    captioned = compose_sheet([SheetRow('photo.jpg', images)], [''])
    titled = compose_sheet([SheetRow('', images)], ['truth'])
    assert bare.shape == captioned.shape == titled.shape
    image_top = find(bare, RED)[0]
    for changed in (captioned, titled):
        rows = np.flatnonzero((changed != bare).any(axis=(1, 2)))
        assert len(rows) and rows.max() < image_top
    assert find(titled, RED) == find(bare, RED)


def test_long_texts_are_cut_at_the_edge():
    images = [picture(30, 120, RED)]
    sheet = compose_sheet([SheetRow('name' * 100, images)], ['title' * 100], [('class' * 3, BLUE)])
    paper = sheet[0, 0]
    assert (sheet[:, :4] == paper).all() and (sheet[:, -4:] == paper).all()


def test_legend_shows_every_color_and_wraps():
    images = [picture(30, 160, RED)]
    plain = compose_sheet([SheetRow('', images)], [''])
    colors = [(0, 10 * index, 255) for index in range(12)]
    legend = [(f'class {index}', color) for index, color in enumerate(colors)]
    sheet = compose_sheet([SheetRow('', images)], [''], legend)
    assert sheet.shape[1] == plain.shape[1] and sheet.shape[0] > plain.shape[0] + 24
    tops = [find(sheet, color)[0] for color in colors]
    assert tops == sorted(tops) and len(set(tops)) > 1 and min(tops) > find(sheet, RED)[2]


def test_empty_places_stay_paper():
    pictures = [picture(40, 90, RED), picture(40, 60, GREEN)]
    sheet = compose_sheet([SheetRow('a', pictures), SheetRow('', [None, picture(30, 60, BLUE)])], ['left', 'right'])
    (y0, x0, y1, x1), red = find(sheet, BLUE), find(sheet, RED)
    assert (y1 - y0, x1 - x0) == (30, 60)
    assert (sheet[y0:y1, : red[3]] == sheet[0, 0]).all()
    assert compose_sheet([SheetRow('', [None])], ['title']).shape[2] == 3


def test_rows_that_belong_together_lie_closer_and_a_line_parts_them():
    def rows(*continues):
        return [
            SheetRow('', [picture(20, 50, color)], c) for color, c in zip((RED, GREEN, BLUE), continues, strict=True)
        ]

    single, grouped = (compose_sheet(rows(False, c, False), ['']) for c in (False, True))
    red, green, blue = (find(grouped, color) for color in (RED, GREEN, BLUE))
    assert green[0] - red[2] == find(single, GREEN)[0] - find(single, RED)[2]
    assert blue[0] - green[2] > green[0] - red[2]
    paper = grouped[0, 0]

    def lines(sheet, above, below):
        return (sheet[above[2] : below[0]] != paper).any(axis=(1, 2)).any()

    assert lines(grouped, green, blue) and not lines(grouped, red, green)


def test_headings_of_the_legend_start_lines_and_swatches_may_be_pictures():
    swatch = np.zeros((14, 14, 3), dtype=np.uint8)
    swatch[::2] = PINK
    legend = [('things', None), ('car', GREEN), ('stuff', None), ('sky', BLUE), ('void', swatch)]
    sheet = compose_sheet([SheetRow('', [picture(30, 400, RED)])], [''], legend)
    green, blue, pink = (find(sheet, color) for color in (GREEN, BLUE, PINK))
    assert green[2] < blue[0] and abs(pink[0] - blue[0]) <= 1 and blue[3] < pink[1]
    y, x = pink[:2]
    assert (sheet[y : y + 14, x : x + 14] == swatch).all()
    assert (sheet[green[0] : green[2], 12 : green[1] - 8] != sheet[0, 0]).any(), (
        'the heading stands left of its entries'
    )


def test_rows_that_do_not_fit_the_titles_are_refused():
    with pytest.raises(ValueError, match='photo.jpg'):
        compose_sheet([SheetRow('photo.jpg', [picture(5, 5, RED)])], ['a', 'b'])
    with pytest.raises(ValueError, match='at least one row'):
        compose_sheet([], ['a'])
