"""From folders in each format to a config that trains as it is."""

from __future__ import annotations

import json
import math
import os

import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.dataset import pseudo_collate

from foreign_data import (
    CLASSES,
    masks_of,
    masks_of_truth,
    truth,
    write_coco,
    write_cvat,
    write_label_maps,
    write_label_studio,
    write_labelme,
    write_panoptic,
    write_yolo,
)
from mmdet_panseg.apis.new_config import new_config
from mmdet_panseg.engine import load_config
from mmdet_panseg.errors import UserError

SPLITS = {'train': truth(4), 'val': dict(list(truth(6).items())[4:])}


def losses_of(config):
    """Losses of the first images, of a model with random weights."""
    torch.manual_seed(0)
    dataset = DATASETS.build(config.train_dataloader.dataset)
    model = MODELS.build(config.model)
    samples = pseudo_collate([dataset[index] for index in range(2)])
    losses = model(**model.data_preprocessor(samples, training=True), mode='loss')
    return {name: float(sum(value) if isinstance(value, list) else value.detach()) for name, value in losses.items()}


def listing(folder):
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob('*'))}


FORMATS = {
    'coco': lambda root: write_coco(root, SPLITS),
    'panoptic': lambda root: write_panoptic(root, SPLITS),
    'maps': lambda root: write_label_maps(root, SPLITS),
    'yolo': lambda root: write_yolo(root, SPLITS),
    'labelme': lambda root: write_labelme(root, truth(6)),
    'cvat': lambda root: write_cvat(root, truth(6)),
    'labelstudio': lambda root: write_label_studio(root, truth(6)),
}


@pytest.mark.parametrize('kind', FORMATS)
def test_the_config_trains_and_the_source_is_left_alone(tmp_path, monkeypatch, kind):
    root = tmp_path / 'data'
    FORMATS[kind](root)
    before = listing(root)
    made = new_config(root, tmp_path / 'my_config.py', device='cpu', things=['cat', 'dog'] if kind == 'maps' else None)
    assert listing(root) == before
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path / 'elsewhere')
    config = load_config(tmp_path / 'my_config.py')
    losses = losses_of(config)
    assert losses and all(map(math.isfinite, losses.values())), losses
    assert ('loss_semantic' in losses) == (kind in ('panoptic', 'maps'))
    assert {'train', 'val'} <= set(made.data.splits)
    val = DATASETS.build(config.val_dataloader.dataset)
    assert set(val.metainfo['thing_classes']) == set(CLASSES) and len(val)


def test_objects_are_the_sources(tmp_path):
    """What the data sets of the config load has the masks of the truth, in one split or the other."""
    write_labelme(tmp_path / 'data', truth(6))
    made = new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu')
    found = {}
    for split in made.data.splits.values():
        found.update(masks_of(json.loads(split.path.read_text())))
    assert found == masks_of_truth(truth(6))


def test_without_splits_every_class_is_in_both_and_seeds_repeat(tmp_path):
    write_cvat(tmp_path / 'data', truth(9))
    names = []
    for seed in (0, 0, 1):
        made = new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu', seed=seed, overwrite=True)
        val = made.data.splits['val'].content
        assert {item['category_id'] for item in val['annotations']} == {1, 2}
        assert made.data.splits['train'].num_images + len(val['images']) == 9
        names.append([image['file_name'] for image in val['images']])
    assert names[0] == names[1] != names[2]


def test_splits_of_the_source_are_kept(tmp_path):
    subsets = {name: ('Train', 'Validation', 'Test')[k % 3] for k, name in enumerate(truth(9))}
    write_cvat(tmp_path / 'data', truth(9), subsets)
    made = new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu')
    for split, name in (('train', 'Train'), ('val', 'Validation'), ('test', 'Test')):
        names = {image['file_name'].rpartition('/')[2] for image in made.data.splits[split].content['images']}
        assert names == {image for image, subset in subsets.items() if subset == name}
    config = load_config(tmp_path / 'c.py')
    assert config.test_dataloader.dataset.ann_file.endswith('instances_test.json')


def test_coco_files_are_used_where_they_are(tmp_path):
    write_coco(tmp_path / 'data', SPLITS)
    made = new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu')
    assert made.made is None and not (tmp_path / 'c_data').exists()
    text = (tmp_path / 'c.py').read_text()
    assert str(tmp_path) not in text
    (tmp_path / 'moved').mkdir()
    for name in ('data', 'c.py'):
        os.rename(tmp_path / name, tmp_path / 'moved' / name)
    assert len(DATASETS.build(load_config(tmp_path / 'moved' / 'c.py').train_dataloader.dataset)) == 4


def test_one_coco_file_is_split(tmp_path):
    write_coco(tmp_path / 'data', {'all': truth(8)})
    made = new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu')
    written = [json.loads((tmp_path / 'c_data' / f'instances_{name}.json').read_text()) for name in ('train', 'val')]
    names = [{image['file_name'] for image in content['images']} for content in written]
    assert names[0] | names[1] == set(truth(8)) and not names[0] & names[1]
    assert {**masks_of(written[0]), **masks_of(written[1])} == masks_of_truth(truth(8))
    assert any('seed 0' in note for note in made.data.notes)


def test_panoptic_files_without_splits_or_instances(tmp_path):
    write_panoptic(tmp_path / 'data', {'all': truth(6)})
    made = new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu')
    val = made.data.splits['val']
    truths = masks_of(json.loads(val.instances.read_text()))
    assert truths == {name: masks_of_truth(truth(6))[name] for name in truths} and len(truths) == val.num_images
    config = load_config(tmp_path / 'c.py')
    assert [metric['type'] for metric in config.val_evaluator] == [
        'CheckedCocoMetric',
        'SemanticIoUMetric',
        'PanopticQualityMetric',
    ]


def test_instances_beside_panoptic_files_are_used_for_ap(tmp_path):
    write_panoptic(tmp_path / 'data', SPLITS, with_instances=True)
    made = new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu')
    assert made.made is None
    assert made.data.splits['val'].instances == (tmp_path / 'data' / 'annotations' / 'instances_val.json').resolve()
    instance = new_config(tmp_path / 'data', tmp_path / 'i.py', device='cpu', task='instance')
    assert not instance.data.panoptic


@pytest.mark.parametrize('things', [None, ['dog']])
def test_label_maps_without_splits_and_with_few_things(tmp_path, things):
    write_label_maps(tmp_path / 'data', {'': truth(6)})
    made = new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu', things=things)
    config = load_config(tmp_path / 'c.py')
    losses = losses_of(config)
    assert all(map(math.isfinite, losses.values())) and ('loss_mask' in losses) == (things is not None)
    assert made.data.splits['train'].num_images + made.data.splits['val'].num_images == 6


def test_batches_of_one_image_and_gpu_recipes(tmp_path):
    write_coco(tmp_path / 'data', {'train': dict(list(truth(4).items())[:1]), 'val': SPLITS['val']})
    made = new_config(tmp_path / 'data', tmp_path / 'c.py', device='gpu')
    config = load_config(tmp_path / 'c.py')
    assert config.train_dataloader.batch_size == 1 and config.model.backbone.arch == 'lite2'
    assert made.settings.lr.value == 4e-4


def test_the_text_has_a_reason_for_each_setting(tmp_path):
    write_coco(tmp_path / 'data', SPLITS)
    new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu')
    lines = (tmp_path / 'c.py').read_text().splitlines()
    assert max(map(len, lines)) <= 120
    for key in ('resize = ', '        num_grids=', '        scale_ranges=', 'train_cfg = ', 'optim_wrapper = '):
        (place,) = [number for number, line in enumerate(lines) if line.startswith(key)]
        assert lines[place - 1].lstrip().startswith('# ')


def test_sixteen_bits_that_are_not_all_used_are_set(tmp_path):
    write_coco(tmp_path / 'data', SPLITS)
    from PIL import Image

    for path in (tmp_path / 'data' / 'images' / 'train').glob('*.png'):
        Image.fromarray(np.random.default_rng(0).integers(0, 4095, (48, 64)).astype(np.uint16)).save(path)
    made = new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu')
    assert any('bit_depth=12' in note for note in made.data.notes)
    config = load_config(tmp_path / 'c.py')
    assert config.train_dataloader.dataset.pipeline[0].bit_depth == 12
    sample = DATASETS.build(config.train_dataloader.dataset)[0]
    assert sample['inputs'].float().mean() > 60


FAULTS = {
    'images alone': (
        lambda root: [path.unlink() for path in root.rglob('*.json')],
        {},
        'Looked for: COCO .*Found: 6 .png',
    ),
    'no images': (lambda root: [path.unlink() for path in root.rglob('img_1.png')], {}, '1 of 4 images .*img_1.png'),
    'cut JSON': (
        lambda root: _cut(root / 'annotations' / 'instances_val.json'),
        {},
        r"instances_val.json', line 1: is not",
    ),
    'unreadable image': (
        lambda root: _cut(root / 'images' / 'train' / 'img_0.png', 3),
        {},
        '1 images cannot be opened',
    ),
    'capitals': (lambda root: write_coco(root, SPLITS, ('cat', 'dog', 'Dog')), {}, "'Dog' and 'dog'"),
    'other classes': (
        lambda root: write_coco(root, {'val': SPLITS['val']}, ('cat', 'dog', 'cow')),
        {},
        "'cow' only in val",
    ),
    'other order': (lambda root: write_coco(root, {'val': SPLITS['val']}, ('dog', 'cat')), {}, 'different orders'),
    'two kinds': (lambda root: write_labelme(root, truth(2)), {}, 'of 2 kinds.*--format'),
    'two files of a split': (
        lambda root: write_coco(root, {'val_more': SPLITS['val']}),
        {},
        '2 COCO files of the split val: .*--annotations',
    ),
    'another format': (lambda root: None, dict(format='yolo'), 'Looked for: YOLO segmentation'),
    'no panoptic files': (lambda root: None, dict(task='panoptic'), '--task panoptic'),
    'things of COCO': (lambda root: None, dict(things=['cat']), '--things is for label maps'),
    'share': (lambda root: None, dict(val_share=1.5), '--val-share 1.5'),
    'missing file': (lambda root: None, dict(annotations=['x.json']), "'x.json' does not exist"),
    'validation alone': (lambda root: (root / 'annotations' / 'instances_train.json').unlink(), {}, 'none to train on'),
}


def _cut(path, end=40):
    path.write_bytes(path.read_bytes()[:end])


@pytest.mark.faults
@pytest.mark.parametrize('fault', FAULTS)
def test_faults_end_in_one_error_and_leave_nothing(tmp_path, fault):
    change, arguments, text = FAULTS[fault]
    write_coco(tmp_path / 'data', SPLITS)
    change(tmp_path / 'data')
    with pytest.raises(UserError, match=text):
        new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu', **arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['data']


@pytest.mark.faults
def test_faults_after_the_conversion_leave_nothing_either(tmp_path):
    write_cvat(tmp_path / 'data', truth(4))
    path = tmp_path / 'data' / 'images' / 'img_0.png'
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match='img_0.png'):
        new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['data']


@pytest.mark.faults
@pytest.mark.parametrize(
    ('out', 'text'),
    [('c.txt', 'ends in .py'), ('nowhere/c.py', 'its folder does not exist'), ('data', 'ends in .py')],
)
def test_names_that_are_no_config(tmp_path, out, text):
    write_coco(tmp_path / 'data', SPLITS)
    with pytest.raises(UserError, match=text):
        new_config(tmp_path / 'data', tmp_path / out)


@pytest.mark.faults
def test_nothing_is_overwritten_unasked(tmp_path):
    write_labelme(tmp_path / 'data', truth(4))
    (tmp_path / 'c.py').write_text('mine = 1\n')
    with pytest.raises(UserError, match=r'c.py. exists: .*--overwrite'):
        new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu')
    (tmp_path / 'd_data').mkdir()
    (tmp_path / 'd_data' / 'mine.txt').write_text('mine')
    for overwrite in (False, True):
        with pytest.raises(UserError, match='was not made by panseg new'):
            new_config(tmp_path / 'data', tmp_path / 'd.py', device='cpu', overwrite=overwrite)
    assert (tmp_path / 'c.py').read_text() == 'mine = 1\n' and (tmp_path / 'd_data' / 'mine.txt').exists()
    new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu', overwrite=True)
    (tmp_path / 'c.py').unlink()
    with pytest.raises(UserError, match=r"c_data' exists: .*--overwrite"):
        new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu')


def test_what_was_made_inside_the_source_is_no_source(tmp_path):
    write_labelme(tmp_path, truth(4))
    for _ in range(2):
        made = new_config(tmp_path, tmp_path / 'c.py', device='cpu', overwrite=True)
        assert made.data.source == 'LabelMe' and made.made == tmp_path / 'c_data'


def test_logs_of_trainings_beside_the_data_are_no_annotations(tmp_path):
    write_coco(tmp_path / 'data', SPLITS)
    (tmp_path / 'data' / 'scalars.json').write_text('{"lr": 1}\n{"lr": 2}\n')
    assert new_config(tmp_path / 'data', tmp_path / 'c.py', device='cpu').data.source == 'COCO instances'


def test_boxes_alone_are_refused(tmp_path):
    write_yolo(tmp_path / 'data', {'train': truth(3)})
    for path in (tmp_path / 'data' / 'labels' / 'train').glob('*.txt'):
        path.write_text('0 .5 .5 .2 .2\n')
    with pytest.raises(UserError, match='All 2 objects .* are boxes'):
        new_config(tmp_path / 'data', tmp_path / 'c.py')
