"""What is written in a format is read back to equal masks, with holes and parts where the format has them."""

from __future__ import annotations

import pytest

from foreign_data import (
    masks_of,
    masks_of_truth,
    truth,
    write_cvat,
    write_label_studio,
    write_labelme,
    write_yolo,
)
from mmdet_panseg.datasets.conversion.importers import (
    coco_content,
    list_files,
    read_cvat,
    read_label_studio,
    read_labelme,
    read_yolo,
)


def read(root, suffix, reader):
    files = list_files(root)
    return reader(files, files.others[suffix]), files


@pytest.mark.parametrize(
    ('write', 'suffix', 'reader'),
    [
        (write_labelme, '.json', read_labelme),
        (write_cvat, '.xml', read_cvat),
        (write_label_studio, '.json', read_label_studio),
    ],
)
def test_masks_come_back(tmp_path, write, suffix, reader):
    images = truth()
    write(tmp_path, images)
    data, files = read(tmp_path, suffix, reader)
    content = coco_content(data, data.images, files.root)
    assert masks_of(content) == masks_of_truth(images)
    assert set(data.classes) == {'cat', 'dog'} and not data.findings
    assert all((tmp_path / image['file_name']).is_file() for image in content['images'])


def test_yolo_keeps_holes_and_parts_that_bridges_join(tmp_path):
    images = truth()
    write_yolo(tmp_path, {'train': images})
    files = list_files(tmp_path)
    data = read_yolo(files, files.others['.yaml'][0])
    assert masks_of(coco_content(data, data.images, files.root)) == masks_of_truth(images)
    # the last image has no text file, which means no objects
    assert [finding.count for finding in data.findings.values()] == [1]


@pytest.mark.parametrize(
    ('write', 'suffix', 'reader'), [(write_labelme, '.json', read_labelme), (write_cvat, '.xml', read_cvat)]
)
def test_parts_of_an_object_are_one_annotation_with_its_group(tmp_path, write, suffix, reader):
    write(tmp_path, truth(2))
    data, files = read(tmp_path, suffix, reader)
    records = coco_content(data, data.images, files.root)['annotations']
    joined = [
        record for record in records if isinstance(record['segmentation'], list) and len(record['segmentation']) == 2
    ]
    assert len(joined) == 1 and str(joined[0]['source_id']) == '2'


def test_regions_of_label_studio_keep_their_ids(tmp_path):
    write_label_studio(tmp_path, truth(2))
    data, files = read(tmp_path, '.json', read_label_studio)
    records = coco_content(data, data.images, files.root)['annotations']
    assert [record['source_id'] for record in records] == ['r0', 'r1', 'r2']
