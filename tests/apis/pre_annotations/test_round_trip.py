"""Predictions that the importers of annotation tools' files read again."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_utils

from mmdet_panseg.apis.pre_annotations import write_pre_annotations
from prediction_cases import CLASSES, predictions

importers = pytest.importorskip('mmdet_panseg.datasets.conversion.importers')


@pytest.fixture
def made(tmp_path):
    """Predictions, and their images beside which the files are written."""
    found = predictions()
    for one in found:
        path = tmp_path / 'images' / one.name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((*one.size, 3), np.uint8)).save(path)
    return found


def require_the_same(data, made, root, iou):
    images = {image.path.relative_to(root / 'images').as_posix(): image for image in data.images}
    assert set(images) == {one.name for one in made}
    for one in made:
        image = images[one.name]
        assert [item.label for item in image.objects] == one.class_names()
        for item, truth in zip(image.objects, one.mask_arrays(), strict=True):
            record = importers.annotation_record(item, image.height, image.width)
            mask = mask_utils.decode(coded(record['segmentation'], *one.size)).astype(bool)
            assert (mask & truth).sum() >= iou * (mask | truth).sum()


def coded(segmentation, height, width):
    if isinstance(segmentation, dict):
        return dict(size=segmentation['size'], counts=segmentation['counts'].encode())
    return mask_utils.merge(mask_utils.frPyObjects(segmentation, height, width))


@pytest.mark.parametrize('shapes, iou', [('masks', 1), ('polygons', 0.93)])
def test_cvat(made, tmp_path, shapes, iou):
    write_pre_annotations(made, tmp_path, 'cvat', shapes=shapes)
    data = importers.read_cvat(importers.list_files(tmp_path), [tmp_path / 'cvat.xml'])
    assert data.classes == CLASSES.names
    require_the_same(data, made, tmp_path, iou)


@pytest.mark.parametrize('shapes, iou', [('masks', 1), ('polygons', 0.93)])
def test_label_studio(made, tmp_path, shapes, iou):
    write_pre_annotations(made, tmp_path, 'label-studio', tmp_path / 'images', shapes=shapes)
    path = tmp_path / 'label_studio.json'
    tasks = json.loads(path.read_text())
    for task in tasks:
        # What a labeller accepts becomes an annotation.
        task['annotations'] = [dict(result=found['result']) for found in task.pop('predictions')]
    path.write_text(json.dumps(tasks))
    assert importers.is_label_studio(tasks)
    data = importers.read_label_studio(importers.list_files(tmp_path), [path])
    require_the_same(data, made, tmp_path, iou)


def test_yolo(made, tmp_path):
    write_pre_annotations(made, tmp_path / 'out', 'yolo', tmp_path / 'images')
    path = tmp_path / 'out/data.yaml'
    assert importers.is_yolo(path)
    data = importers.read_yolo(importers.list_files(tmp_path / 'out'), path)
    require_the_same(data, made, tmp_path / 'out', 0.93)
