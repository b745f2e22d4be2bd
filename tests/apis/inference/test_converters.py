from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from inference_cases import METAINFO, NAMES, THINGS
from mmdet_panseg.apis.inference import ClassNames, Prediction, coco_dataset, to_supervision
from mmdet_panseg.errors import UserError
from mmdet_panseg.ops import rle_from_crop

CLASSES = ClassNames(NAMES, THINGS, METAINFO['palette'], METAINFO['category_ids'])


def prediction(count=2, masks=True, name='a/b.jpg'):
    size = (20, 30)
    crops = [np.ones((4 + index, 6), bool) for index in range(count)]
    corners = [(3 * index, 2 + index) for index in range(count)]
    boxes = [[x, y, x + 6, y + len(crop)] for (x, y), crop in zip(corners, crops, strict=True)]
    return Prediction(
        name=name,
        size=size,
        classes=CLASSES,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.linspace(0.9, 0.5, count).astype(np.float32),
        labels=np.arange(count) % 4,
        masks=[rle_from_crop(crop, corner, size) for crop, corner in zip(crops, corners, strict=True)] if masks else [],
    )


@pytest.mark.parametrize(('count', 'masks'), [(3, True), (2, False), (0, True)])
def test_supervision_gets_masks_and_class_names(count, masks):
    supervision = pytest.importorskip('supervision')
    found = prediction(count, masks)
    detections = to_supervision(found)
    assert isinstance(detections, supervision.Detections) and len(detections) == count
    np.testing.assert_array_equal(detections.xyxy, found.boxes)
    np.testing.assert_array_equal(detections.confidence, found.scores)
    assert detections.class_id.tolist() == found.labels.tolist()
    assert detections.data['class_name'].tolist() == found.class_names()
    if masks and count:
        np.testing.assert_array_equal(detections.mask, found.mask_arrays())
        # Its annotators and filters work on it.
        image = supervision.MaskAnnotator().annotate(np.zeros((20, 30, 3), np.uint8), detections)
        assert image.any()
        assert len(detections[detections.data['class_name'] == 'core']) == 1


def test_without_supervision_there_is_one_line(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'supervision', None)
    with pytest.raises(UserError, match='pip install supervision'):
        to_supervision(prediction())


def test_the_coco_file_has_what_fiftyone_reads(tmp_path):
    """FiftyOne's importer needs these lists and keys; RLE counts as text, and further keys become attributes."""
    dataset = coco_dataset([prediction(2), prediction(0, name='c.jpg'), prediction(1, masks=False, name='d.jpg')])
    (tmp_path / 'labels.json').write_text(json.dumps(dataset))
    coco = COCO(str(tmp_path / 'labels.json'))
    assert [image['file_name'] for image in dataset['images']] == ['a/b.jpg', 'c.jpg', 'd.jpg']
    assert all(set(image) == {'id', 'file_name', 'height', 'width'} for image in dataset['images'])
    categories = [(category['id'], category['name']) for category in dataset['categories']]
    assert categories == list(zip(range(11, 11 + THINGS), NAMES[:THINGS], strict=True))
    assert sorted(coco.anns) == [1, 2, 3]
    for annotation in coco.anns.values():
        assert annotation['image_id'] in coco.imgs and annotation['category_id'] in coco.cats
        assert annotation['iscrowd'] == 0 and 0 < annotation['score'] <= 1
        x, y, width, height = annotation['bbox']
        assert width > 0 and height > 0 and x + width <= 30 and y + height <= 20
        if 'segmentation' in annotation:
            assert isinstance(annotation['segmentation']['counts'], str)
            assert coco.annToMask(annotation).sum() == annotation['area']
    assert ['segmentation' in annotation for annotation in dataset['annotations']] == [True, True, False]


def test_class_names_fit_together():
    with pytest.raises(ValueError, match='do not fit'):
        ClassNames(('a', 'b'), 3, [(0, 0, 0)] * 2)
    assert ClassNames(('a', 'b'), 1, [(0, 0, 0)] * 2).categories()[1] == dict(id=2, name='b', isthing=0)
