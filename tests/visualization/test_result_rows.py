from __future__ import annotations

import numpy as np

from mmdet_panseg.visualization import ImageResults
from mmdet_panseg.visualization.result_rows import DrawnClasses, panoptic_legend, panoptic_rows


def test_captions_count_and_pictures_stand_in_their_columns():
    image = np.full((20, 30, 3), 90, dtype=np.uint8)
    palette = DrawnClasses(('car', 'sky'), 1, [(250, 0, 0), (0, 0, 250)])
    semantic = ImageResults(semantic_map=np.ones((20, 30), int))
    above, below = panoptic_rows('a/b.jpg', image, ImageResults(), semantic, palette, 0.3, (40, 60))
    assert above.caption.startswith('b.jpg') and 'without ground truth' in above.caption
    assert [picture is None for picture in above.images] == [False, True, True, True]
    assert [picture is None for picture in below.images] == [True, True, False, True]
    assert below.continues and not above.continues
    assert below.images[2].shape == above.images[0].shape == (40, 60, 3)


def test_legend_lists_what_occurs_in_the_colours_of_the_maps():
    palette = DrawnClasses(('car', 'bus', 'sky', 'road'), 2, [(60, 0, 0), (0, 60, 0), (9, 9, 9), (1, 2, 3)])
    legend = panoptic_legend({0, 3, 255}, palette)
    assert [name for name, _ in legend] == ['things', 'car', 'stuff', 'road', 'neither', 'void']
    assert tuple(legend[3][1]) == (1, 2, 3)
    assert [name for name, _ in panoptic_legend({2}, palette)] == ['stuff', 'sky', 'neither', 'void']
