from __future__ import annotations

import numpy as np
import pytest

from mmdet_panseg.visualization import Instances, class_palette, draw_instances

NAMES = ('cat', 'dog', 'bird')
PALETTE = class_palette(3)


def noise(height=90, width=160):
    return np.random.default_rng(0).integers(60, 180, (height, width, 3), dtype=np.uint8)


def instances_of(*boxes, size=(90, 160), labels=None, scores=None, crowds=None):
    masks = np.zeros((len(boxes), *size), dtype=bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
        mask[y0:y1, x0:x1] = True
    labels = np.zeros(len(boxes), dtype=int) if labels is None else np.array(labels)
    return Instances(masks, labels, scores, crowds)


def test_empty_predictions_show_the_plain_image():
    image = noise()
    drawn = draw_instances(image, instances_of(scores=np.zeros(0)), NAMES, PALETTE)
    assert (drawn == image).all()


def test_without_labels_only_the_masks_change():
    image, instances = noise(), instances_of((10, 10, 40, 30), (100, 50, 160, 90), labels=[0, 2])
    drawn = draw_instances(image, instances, NAMES, PALETTE, max_labels=0)
    assert ((drawn != image).any(axis=-1) == instances.masks.any(axis=0)).all()


@pytest.mark.parametrize('frame', [(180, 320), (360, 480), (45, 45), None])
def test_result_fits_the_frame_and_shows_every_mask(frame):
    image, instances = noise(), instances_of((0, 0, 1, 1), (60, 20, 160, 90), labels=[1, 2])
    drawn = draw_instances(image, instances, NAMES, PALETTE, frame)
    plain = draw_instances(image, instances_of(), NAMES, PALETTE, frame)
    assert drawn.shape == plain.shape
    height, width = drawn.shape[:2]
    if frame is None:
        assert (height, width) == (90, 160)
    else:
        assert height <= frame[0] and width <= frame[1] and (height == frame[0] or width == frame[1])
        assert abs(width / height - 160 / 90) < 0.1
    assert (drawn != plain).any(axis=-1).mean() > 0.3


def test_scores_and_names_change_the_label():
    image = noise()
    box = (40, 40, 90, 80)
    pictures = [
        draw_instances(image, instances_of(box, labels=[0]), NAMES, PALETTE),
        draw_instances(image, instances_of(box, labels=[0], scores=np.array([0.25])), NAMES, PALETTE),
        draw_instances(image, instances_of(box, labels=[0], scores=np.array([0.75])), NAMES, PALETTE),
        draw_instances(image, instances_of(box, labels=[0]), ('owl', 'dog', 'bird'), PALETTE),
    ]
    assert all((first != second).any() for i, first in enumerate(pictures) for second in pictures[:i])
    inside = np.s_[44:76, 44:86]
    assert all((picture[inside] == pictures[0][inside]).all() for picture in pictures)


def test_only_the_best_are_labelled():
    image = noise()
    instances = instances_of((5, 30, 30, 60), (70, 30, 95, 60), (130, 30, 155, 60), scores=np.array([0.2, 0.9, 0.5]))
    unlabelled = draw_instances(image, instances, NAMES, PALETTE, max_labels=0)
    labelled = draw_instances(image, instances, NAMES, PALETTE, max_labels=1)
    columns = np.flatnonzero((labelled != unlabelled).any(axis=(0, 2)))
    assert len(columns) and abs(columns.mean() - 82) < 30


def test_crowds_are_grey_and_hatched_but_no_fill():
    image = noise()
    crowd = instances_of((20, 10, 120, 80), crowds=np.array([True]))
    drawn = draw_instances(image, crowd, NAMES, PALETTE, max_labels=0)
    changed = (drawn != image).any(axis=-1)
    assert (drawn[changed] == 128).all()
    assert 0.1 < changed[10:80, 20:120].mean() < 0.6 and not (changed & ~crowd.masks[0]).any()
    labelled = draw_instances(image, crowd, NAMES, PALETTE)
    label = labelled[(labelled != drawn).any(axis=-1)]
    assert len(label) and (label == label[:, :1]).all(), 'the label is grey, with black or white text'


def test_wrong_sizes_and_labels_are_refused():
    with pytest.raises(ValueError, match='do not fit an image'):
        draw_instances(noise(), instances_of((0, 0, 5, 5), size=(160, 90)), NAMES, PALETTE)
    with pytest.raises(ValueError, match='do not fit 3 class names'):
        draw_instances(noise(), instances_of((0, 0, 5, 5), labels=[3]), NAMES, PALETTE)
