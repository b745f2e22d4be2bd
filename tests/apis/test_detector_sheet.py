from __future__ import annotations

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from pycocotools.coco import COCO

import mmdet_panseg  # noqa: F401, registers the parts of the config
from mmdet_panseg.apis import detector_sheet, load_annotated_dataset, load_detector, predict
from mmdet_panseg.engine import CheckpointError, ConfigError
from mmdet_panseg.visualization import annotated_results, predicted_instances

WIDTH, HEIGHT = 96, 64
PIPELINE = [
    dict(type='LoadImageFromFile', to_float32=True),
    dict(type='Resize', scale=(128, 128), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs'),
]


def polygon(x0, y0, x1, y1):
    return [[x0, y0, x1, y0, x1, y1, x0, y1]]


def write_coco(folder):
    """Three images: two objects; one object and a crowd; nothing."""
    rng = np.random.default_rng(0)
    images = []
    for index, name in enumerate(['two.png', 'crowd.png', 'nothing.png'], start=1):
        cv2.imwrite(str(folder / name), rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8))
        images.append(dict(id=index, file_name=name, width=WIDTH, height=HEIGHT))

    def annotation(index, image, category, box, crowd=False):
        x0, y0, x1, y1 = box
        mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
        mask[y0:y1, x0:x1] = 1
        counts = np.diff(np.flatnonzero(np.diff(mask.ravel(order='F'), prepend=2, append=2))).tolist()
        counts = counts if not mask[0, 0] else [0, *counts]
        return dict(
            id=index,
            image_id=image,
            category_id=category,
            bbox=[x0, y0, x1 - x0, y1 - y0],
            area=(x1 - x0) * (y1 - y0),
            iscrowd=int(crowd),
            segmentation=dict(size=[HEIGHT, WIDTH], counts=counts) if crowd else polygon(*box),
        )

    annotations = [
        annotation(1, 1, 1, (10, 10, 40, 50)),
        annotation(2, 1, 2, (50, 20, 90, 60)),
        annotation(3, 2, 2, (5, 5, 30, 30)),
        annotation(4, 2, 1, (40, 30, 96, 64), crowd=True),
    ]
    categories = [dict(id=1, name='cat'), dict(id=2, name='dog')]
    content = dict(images=images, annotations=annotations, categories=categories)
    (folder / 'instances.json').write_text(json.dumps(content))


def make_config(folder, ann_file='instances.json', images='', classes=('cat', 'dog')):
    dataset = dict(
        type='CocoDataset',
        data_root=str(folder),
        ann_file=ann_file,
        data_prefix=dict(img=images),
        metainfo=dict(classes=classes),
        pipeline=PIPELINE,
        test_mode=True,
    )
    training = dict(dataset, test_mode=False, filter_cfg=dict(filter_empty_gt=True))
    return Config(
        dict(
            default_scope='mmdet',
            custom_imports=dict(imports=['mmdet_panseg']),
            train_dataloader=dict(dataset=dict(type='RepeatDataset', times=2, dataset=training)),
            val_dataloader=dict(dataset=dataset),
            test_dataloader=dict(dataset=dataset),
            model=dict(
                type='SOLO',
                data_preprocessor=dict(
                    type='DetDataPreprocessor', mean=[127] * 3, std=[128] * 3, bgr_to_rgb=True, pad_size_divisor=32
                ),
                backbone=dict(type='EfficientNetLite', pretrained=False),
                neck=dict(type='FPN', in_channels=[24, 40, 112, 320], out_channels=8, num_outs=5),
                mask_head=dict(
                    type='SparseSOLOHead',
                    num_classes=len(classes),
                    in_channels=8,
                    feat_channels=8,
                    stacked_convs=1,
                    num_grids=[8, 6, 4, 3, 2],
                    strides=[8, 8, 16, 32, 32],
                    norm_cfg=dict(type='GN', num_groups=4),
                ),
                test_cfg=dict(
                    nms_pre=50,
                    score_thr=0.05,
                    mask_thr=0.5,
                    filter_thr=0.0,
                    kernel='gaussian',
                    sigma=2.0,
                    max_per_img=7,
                ),
            ),
        )
    )


@pytest.fixture(scope='module')
def case(tmp_path_factory):
    """A config and a checkpoint of an untrained detector that finds something everywhere."""
    folder = tmp_path_factory.mktemp('coco')
    write_coco(folder)
    config = make_config(folder)
    config.dump(folder / 'config.py')
    init_default_scope('mmdet')
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    model.init_weights()
    model.mask_head.conv_cls.bias.data.fill_(0.5)
    for conv in model.mask_head.conv_mask_list:
        conv.bias.data.normal_()
    torch.save(dict(state_dict=model.state_dict()), folder / 'detector.pth')
    return folder, config


def test_annotations_are_read_at_full_size_with_crowds_and_empty_images(case):
    _, config = case
    for split in ('train', 'val', 'test'):
        dataset = load_annotated_dataset(config, split)
        truths = [annotated_results(dataset[index]).instances for index in range(len(dataset))]
        assert [truth.labels.tolist() for truth in truths] == [[0, 1], [1, 0], []]
        assert [truth.crowds.tolist() for truth in truths] == [[False, False], [False, True], []]
        assert all(truth.masks.shape[1:] == (HEIGHT, WIDTH) for truth in truths)
        assert truths[0].masks[0][10:50, 10:40].all() and truths[0].masks[0].sum() == 30 * 40
        assert truths[1].masks[1][30:64, 40:96].all() and truths[1].masks[1].sum() == 34 * 56
        assert dataset[0]['img'].dtype == np.uint8


def test_annotations_of_photographs_match_pycocotools(real_data):
    folder = real_data('coco_mini')
    reference = COCO(folder / 'annotations' / 'instances_val.json')
    classes = tuple(category['name'] for category in reference.cats.values())
    config = make_config(folder, 'annotations/instances_val.json', 'images/val/', classes)
    init_default_scope('mmdet')
    dataset = load_annotated_dataset(config, 'val')
    crowds = 0
    for index in range(len(dataset)):
        truth = annotated_results(dataset[index]).instances
        annotations = reference.imgToAnns[dataset.get_data_info(index)['img_id']]
        names = [reference.cats[annotation['category_id']]['name'] for annotation in annotations]
        kept = [i for i, annotation in enumerate(annotations) if min(annotation['bbox'][2:]) >= 1]
        assert [classes[label] for label in truth.labels] == [names[i] for i in kept]
        for i, mask, crowd in zip(kept, truth.masks, truth.crowds, strict=True):
            assert (mask == reference.annToMask(annotations[i]).astype(bool)).all()
            assert crowd == annotations[i]['iscrowd']
            crowds += int(crowd)
    assert crowds == sum(annotation['iscrowd'] for annotation in reference.anns.values()) > 0


def test_predictions_come_at_the_size_of_the_image_file_and_above_the_threshold(case):
    folder, config = case
    model = load_detector(config, folder / 'detector.pth')
    assert not model.training
    data_info = load_annotated_dataset(config, 'val').get_data_info(0)
    result = predict(model, Compose(PIPELINE), data_info)
    every = predicted_instances(result, score_thr=0)
    assert every.masks.shape == (7, HEIGHT, WIDTH) and every.masks.any()
    threshold = float(np.median(every.scores))
    some = predicted_instances(result, threshold)
    kept = every.scores >= threshold
    assert 0 < kept.sum() < 7 and (some.scores == every.scores[kept]).all()
    assert (some.masks == every.masks[kept]).all() and (some.labels == every.labels[kept]).all()
    none = predicted_instances(result, score_thr=1.01)
    assert none.masks.shape[0] == 0 and none.masks.ndim == 3


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_sheet_has_a_row_per_image(case, split):
    folder, config = case
    checkpoint = folder / 'detector.pth'
    two, all_three = (
        detector_sheet(config, checkpoint, num=num, score_thr=0.2, split=split, frame=(90, 120)) for num in (2, 10)
    )
    assert two.shape[1] == all_three.shape[1] > 3 * 120
    # A row is a picture of 120 × 80 pixels and its caption.
    assert 80 < all_three.shape[0] - two.shape[0] < 120


def test_choice_of_images_depends_on_the_seed_alone(case):
    folder, config = case
    sheets = [
        detector_sheet(config, folder / 'detector.pth', num=1, score_thr=2, seed=seed, frame=(90, 120))
        for seed in (0, 0, 1, 2, 3)
    ]
    assert (sheets[0] == sheets[1]).all()
    assert any(sheet.shape != sheets[0].shape or (sheet != sheets[0]).any() for sheet in sheets[2:])


def test_bad_input_is_named(case, tmp_path):
    folder, config = case
    checkpoint = folder / 'detector.pth'
    with pytest.raises(CheckpointError, match='absent.pth'):
        detector_sheet(config, folder / 'absent.pth')
    torch.save(dict(state_dict=dict(weight=torch.zeros(3))), tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match='other.pth'):
        detector_sheet(config, tmp_path / 'other.pth')
    with pytest.raises(ConfigError, match='absent.py'):
        detector_sheet(folder / 'absent.py', checkpoint)
    with pytest.raises(ConfigError, match='--num 0'):
        detector_sheet(config, checkpoint, num=0)
    without_val = Config({key: value for key, value in config.items() if key != 'val_dataloader'})
    with pytest.raises(ConfigError, match='no val_dataloader'):
        detector_sheet(without_val, checkpoint)


def test_command_line_writes_the_sheet(case, tmp_path, repository):
    folder, _ = case
    tool = repository / 'tools' / 'analysis_tools' / 'picture_sheet.py'
    target = tmp_path / 'new folder' / 'sheet.png'

    def run(*arguments):
        command = [sys.executable, str(tool), str(folder / 'config.py'), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    done = run(folder / 'detector.pth', '--out', target, '--num', 2, '--score-thr', 0.2)
    assert done.returncode == 0, done.stderr
    assert cv2.imread(str(target)).shape[1] > 3 * 400
    failed = run(folder / 'absent.pth', '--out', target)
    assert failed.returncode == 2 and 'absent.pth' in failed.stderr and 'Traceback' not in failed.stderr
