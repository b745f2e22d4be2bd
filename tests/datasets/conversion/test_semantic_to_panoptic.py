from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from label_cases import (
    CAR,
    NAMES,
    PERSON,
    ROAD,
    SKY,
    VOID,
    read_json,
    wanted_segments,
    write_pair,
    written_instances,
    written_segments,
)
from mmdet_panseg.datasets import CheckedCocoDataset, CheckedCocoPanopticDataset
from mmdet_panseg.datasets.conversion import ClassList, semantic_to_panoptic, writer
from mmdet_panseg.datasets.errors import AnnotationFileError, DatasetError, MissingDataError
from mmdet_panseg.ops import VOID_LABEL

THINGS = ('person', 'car')


def label_maps():
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.choice([SKY, ROAD, CAR, PERSON, VOID], (4, 5)), np.ones((5, 7)))
    return dict(
        blocks=blocks,
        noise=rng.choice([SKY, ROAD, CAR, PERSON, VOID], (13, 17)),
        void=np.full((6, 9), VOID),
        stuff=np.full((9, 6), SKY),
        pixel=np.full((1, 1), CAR),
    )


@pytest.fixture
def source(tmp_path):
    root = tmp_path / 'source'
    for name, label_map in label_maps().items():
        write_pair(root, 'train', name, label_map)
    write_pair(root, 'val', 'inner/one', label_maps()['blocks'])
    (root / 'meta.json').write_text(json.dumps(dict(classes=NAMES, palette=[[9, 9, 9]] * 4, ignore_index=VOID)))
    return root


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


@pytest.mark.parametrize('min_area', [1, 4])
def test_files_hold_the_segments_of_the_label_maps(source, tmp_path, min_area):
    out = tmp_path / 'out'
    summary = semantic_to_panoptic(source, out, THINGS, min_area=min_area, progress=False)
    wanted = {f'{name}.jpg': wanted_segments(np.asarray(m), min_area) for name, m in label_maps().items()}
    assert written_segments(out, 'train') == wanted
    assert written_segments(out, 'val') == {'inner/one.jpg': wanted['blocks.jpg']}
    things = {name: {item for item in items if item[0] in THINGS} for name, items in wanted.items()}
    assert written_instances(out, 'train') == things
    counts = summary.splits['train']
    assert counts.images == 5 and counts.pixels == sum(np.size(m) for m in label_maps().values())
    assert counts.without_things == sum(not items for items in things.values())
    for name, of_class in counts.classes.items():
        parts = [item[2] for items in wanted.values() for item in items if item[0] == name]
        assert (of_class.segments, of_class.pixels) == (len(parts), sum(map(len, parts)))
    assert counts.unlabelled == sum((np.asarray(m) == VOID).sum() for m in label_maps().values())


def test_categories_have_things_first_and_the_files_say_that_instances_are_weak(source, tmp_path):
    semantic_to_panoptic(source, tmp_path / 'out', THINGS, progress=False)
    panoptic, instances = (
        read_json(tmp_path / 'out' / 'annotations' / f'{kind}_train.json') for kind in ('panoptic', 'instances')
    )
    keys = ('id', 'name', 'isthing', 'color')
    assert [tuple(category[key] for key in keys) for category in panoptic['categories']] == [
        (1, 'car', 1, [9, 9, 9]),
        (2, 'person', 1, [9, 9, 9]),
        (3, 'sky', 0, [9, 9, 9]),
        (4, 'road', 0, [9, 9, 9]),
    ]
    assert [(category['id'], category['name']) for category in instances['categories']] == [(1, 'car'), (2, 'person')]
    for content in (panoptic, instances):
        assert content['info']['weak_instances'] is True and 'weak' in content['info']['description']
        assert content['info']['min_area'] == 25 and content['info']['things'] == ['car', 'person']


@pytest.mark.parametrize('pictures', ['link', 'copy'])
def test_the_folder_loads_with_its_images(source, tmp_path, pictures):
    out = tmp_path / 'out'
    semantic_to_panoptic(source, out, THINGS, min_area=1, pictures=pictures, progress=False)
    dataset = CheckedCocoDataset(
        data_root=str(out),
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='images/train/'),
        pipeline=[
            dict(type='mmdet.LoadCheckedImage'),
            dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
        ],
        test_mode=True,
        on_bad_annotation='error',
    )
    assert dataset.metainfo['classes'] == ('car', 'person')
    wanted = written_instances(out, 'train')
    for sample in dataset:
        found = {
            (dataset.metainfo['classes'][label], 0, frozenset(map(tuple, np.argwhere(mask).tolist())))
            for label, mask in zip(sample['gt_bboxes_labels'], sample['gt_masks'].to_ndarray(), strict=True)
        }
        assert found == wanted[sample['img_path'].split('/')[-1]]
    assert (out / 'images' / 'train').is_symlink() == (pictures == 'link')


@pytest.mark.parametrize('small', ['void', 'crowd'])
def test_the_folder_loads_as_panoptic_data(source, tmp_path, small):
    out = tmp_path / 'out'
    semantic_to_panoptic(source, out, THINGS, min_area=2, small=small, progress=False)
    dataset = CheckedCocoPanopticDataset(
        data_root=str(out),
        ann_file='annotations/panoptic_train.json',
        data_prefix=dict(img='images/train/', seg='annotations/panoptic_train/'),
        pipeline=[dict(type='mmdet.LoadCheckedImage'), dict(type='mmdet.LoadPanopticSegments')],
        test_mode=True,
        on_bad_annotation='error',
    )
    assert dataset.metainfo['thing_classes'] == ('car', 'person')
    assert dataset.metainfo['stuff_classes'] == ('sky', 'road')
    label_of = {CAR: 0, PERSON: 1, SKY: 2, ROAD: 3, VOID: VOID_LABEL}
    for sample in dataset:
        name = Path(sample['img_path']).stem
        wanted = np.vectorize(label_of.get)(np.asarray(label_maps()[name]))
        table, segment_map = sample['gt_segments'], sample['gt_seg_map']
        found = table.semantic_map(segment_map)
        turned = (found != wanted) & (wanted < 2)
        assert (found == np.where(turned, VOID_LABEL, wanted)).all()
        assert small == 'void' or not turned.any()
        is_instance = table.is_instance[segment_map]
        things = {item for item in written_instances(out, 'train')[f'{name}.jpg'] if not item[1]}
        assert set(map(tuple, np.argwhere(is_instance).tolist())) == set().union(*(item[2] for item in things))


def test_replacing_needs_leave_and_never_touches_the_source(source, tmp_path):
    out = tmp_path / 'out'
    before = files_of(source)
    semantic_to_panoptic(source, out, THINGS, progress=False)
    first = files_of(out)
    with pytest.raises(FileExistsError, match='--overwrite'):
        semantic_to_panoptic(source, out, ['car'], progress=False)
    assert files_of(out) == first
    semantic_to_panoptic(source, out, ['car'], overwrite=True, progress=False)
    assert len(read_json(out / 'annotations' / 'instances_val.json')['categories']) == 1
    assert files_of(source) == before
    with pytest.raises(FileExistsError, match='not made by this conversion'):
        semantic_to_panoptic(source, source, ['car'], overwrite=True, progress=False)
    assert files_of(source) == before


def test_an_error_on_the_way_leaves_nothing_new(source, tmp_path):
    out = tmp_path / 'out'
    semantic_to_panoptic(source, out, THINGS, progress=False)
    before = files_of(out)
    write_pair(source, 'val', 'zzz', [[77]])
    with pytest.raises(AnnotationFileError, match=r'zzz\.png.*77'):
        semantic_to_panoptic(source, out, ['car'], overwrite=True, progress=False)
    assert files_of(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ['out', 'source']


def test_all_splits_are_checked_before_work_starts(source, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, 'split_label_map', lambda *_: pytest.fail('work has started'))
    (source / 'labels' / 'val' / 'inner' / 'one.png').unlink()
    with pytest.raises(MissingDataError, match='one.jpg|no file'):
        semantic_to_panoptic(source, tmp_path / 'out', THINGS, progress=False)
    with pytest.raises(AnnotationFileError, match='cat: no such class'):
        semantic_to_panoptic(source, tmp_path / 'out', ['cat'], splits=['train'], progress=False)
    with pytest.raises(DatasetError, match='folders of their own'):
        semantic_to_panoptic(source, tmp_path / 'out', THINGS, images='images/train', progress=False)
    with pytest.raises(ValueError, match='min_area=0'):
        semantic_to_panoptic(source, tmp_path / 'out', THINGS, min_area=0, progress=False)
    (source / 'meta.json').unlink()
    with pytest.raises(MissingDataError, match=r'meta\.json.*--classes'):
        semantic_to_panoptic(source, tmp_path / 'out', THINGS, progress=False)
    assert not (tmp_path / 'out').exists()


def test_folders_without_splits_and_no_things(source, tmp_path):
    out = tmp_path / 'out'
    summary = semantic_to_panoptic(
        source,
        out,
        [],
        classes=ClassList(NAMES),
        splits=['all'],
        images='images/val',
        label_maps='labels/val',
        void=[VOID, SKY],
        pictures='none',
        progress=False,
    )
    assert list(summary.splits['all'].classes) == ['road', 'car', 'person']
    names = {str(path.relative_to(out)) for path in out.rglob('*') if path.is_file()}
    assert names == {
        'annotations/panoptic_all.json',
        'annotations/panoptic_all/inner/one.png',
        'annotations/semantic_to_panoptic.json',
    }
    info = read_json(out / 'annotations' / 'panoptic_all.json')['info']
    assert info['weak_instances'] is False and info['void'] == [SKY, VOID]


def test_street_data(real_data, tmp_path):
    root = real_data('camvid_mini')
    out = tmp_path / 'camvid'
    things = ('car', 'pedestrian', 'bicyclist')
    summary = semantic_to_panoptic(root, out, things, splits=['val'], small='crowd', progress=False)
    names = read_json(root / 'meta.json')['classes']
    content = read_json(out / 'annotations' / 'panoptic_val.json')
    assert [category['name'] for category in content['categories'][:3]] == list(things)
    assert sorted(category['name'] for category in content['categories']) == sorted(names)
    value_of = {category['id']: names.index(category['name']) for category in content['categories']}
    segments = 0
    for annotation in content['annotations']:
        stem = annotation['file_name']
        rgb = np.array(Image.open(out / 'annotations' / 'panoptic_val' / stem)).astype(int)
        ids = rgb @ [1, 256, 65536]
        again = np.full(ids.shape, VOID)
        for info in annotation['segments_info']:
            again[ids == info['id']] = value_of[info['category_id']]
            assert info['iscrowd'] or info['category_id'] > 3 or info['area'] >= 25
            segments += not info['iscrowd']
        assert (again == np.array(Image.open(root / 'labels' / 'val' / stem))).all()
    counts = summary.splits['val']
    assert counts.images == len(content['images']) == 101
    assert segments == sum(of_class.segments for of_class in counts.classes.values())
    assert counts.classes['car'].segments == 158 and counts.classes['car'].small == 85
