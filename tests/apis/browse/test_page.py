"""Sheets and pages of browsed images."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from mmdet_panseg.apis.browse import browse_page, browse_samples, browse_sheet, sample_pictures


class Tags(HTMLParser):
    """Count opened and closed tags, and keep the sources of images."""

    def __init__(self, text):
        super().__init__()
        self.open, self.sources, self.links = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.links += [attrs[key] for key in ('href', 'src') if key in attrs]
        if tag == 'img':
            self.sources.append(attrs['src'])
        elif tag != 'meta':
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize('panoptic', [True, False])
def test_the_page_needs_no_other_file(make_config, panoptic):
    samples = browse_samples(make_config(panoptic=panoptic), num=2)
    page = browse_page(samples, 'my <title>')
    tags = Tags(page)
    assert not tags.open and '<title>my &lt;title&gt;' in page
    assert len(tags.sources) == 2 * (7 if panoptic else 6)
    assert all(link.startswith('data:image/png;base64,') for link in tags.links)
    picture = Image.open(io.BytesIO(base64.b64decode(tags.sources[0].split(',')[1])))
    assert picture.size <= (480, 400)
    for sample in samples:
        assert sample.name in page
        assert all(f'#{index} ' in page for index in range(len(sample.labels)))


def test_objects_without_a_cell_stand_out(make_config):
    samples = browse_samples(make_config(scale_ranges=((500, 600),) * 5), num=2)
    page = browse_page(samples)
    number = sum(len(sample.labels) for sample in samples)
    assert len(re.findall('<li class="missed">', page)) == number > 0


def test_the_sheet_has_a_row_for_each_image_and_remark(make_config):
    samples = browse_samples(make_config(), num=2)
    sheet = browse_sheet(samples, frame=(100, 120))
    assert sheet.dtype == np.uint8 and sheet.shape[1] > 7 * 100 and sheet.shape[0] > 2 * 80
    quiet = browse_sheet([sample for sample in samples for _ in range(1)][:1], frame=(100, 120))
    assert quiet.shape[0] < sheet.shape[0]


def test_an_object_has_one_colour_in_all_pictures(make_config):
    compared = 0
    for sample in browse_samples(make_config(), num=4):
        # Larger, so that labels do not cover whole objects.
        pictures = sample_pictures(sample, tuple(4 * side for side in sample.image.shape[:2]))
        objects, *_ = pictures.values()
        levels = [picture for title, picture in pictures.items() if title.startswith('level')]
        for level, picture in zip(sample.assignment.levels, levels, strict=True):
            for cell, index in zip(level.cells, level.objects, strict=True):
                row, column = divmod(int(cell), level.grid)
                height, width = sample.assignment.covered
                y, x = int(4 * (row + 0.5) * height / level.grid), int(4 * (column + 0.5) * width / level.grid)
                color = picture[y, x].astype(int)
                edge = 255 - (255 - color) // 2
                inside = objects.reshape(-1, 3)[sample.masks[index].repeat(4, axis=0).repeat(4, axis=1).flatten()]
                assert (inside == edge).all(axis=1).any()
                compared += 1
    assert compared > 10
