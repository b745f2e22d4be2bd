"""AP on checked annotations: mmdet's figures on clean files, and the right ones on others."""

from __future__ import annotations

import copy
import json
import logging

import cv2
import numpy as np
import pytest
import torch
from mmdet.evaluation import CocoMetric
from mmengine.logging import MMLogger
from mmengine.structures import InstanceData
from pycocotools import mask as mask_utils

from mmdet_panseg.datasets import AnnotationFileError, CheckedCocoDataset, CheckedConcatDataset, MissingDataError
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.evaluation import CheckedCocoMetric, EvaluationError
from mmdet_panseg.evaluation.checked_coco_metric import _Index

SIZE = 48
CATEGORIES = [dict(id=7, name='apple'), dict(id=3, name='pear')]


def random_square(random):
    x, y, width, height = (int(value) for value in random.integers([0, 0, 4, 4], [28, 28, 20, 20]))
    return [x, y, width, height]


def annotation(random, number, image_id, **changes):
    x, y, width, height = box = random_square(random)
    polygon = [x, y, x + width, y, x + width, y + height, x, y + height]
    shared = dict(id=number, image_id=image_id, category_id=int(random.choice([7, 3])), bbox=box)
    return {**shared, 'area': width * height, 'iscrowd': 0, 'segmentation': [polygon], **changes}


def crowd(random, number, image_id):
    mask = np.zeros((SIZE, SIZE), np.uint8, order='F')
    mask[20:40, 5:30] = random.random((20, 25)) < 0.7
    rle = mask_utils.encode(mask)
    segmentation = dict(size=list(rle['size']), counts=rle['counts'].decode())
    area = int(mask.sum())
    return annotation(random, number, image_id, iscrowd=1, bbox=[5, 20, 25, 20], area=area, segmentation=segmentation)


def random_content(seed, images=4, first_id=1):
    random = np.random.default_rng(seed)
    counts = random.integers(0, 6, images)
    counts[-1] = 3
    annotations = []
    for image_id, count in enumerate(counts, start=1):
        annotations += [annotation(random, first_id + len(annotations) + k, image_id) for k in range(count)]
        if random.random() < 0.5:
            annotations.append(crowd(random, first_id + len(annotations), image_id))
    listed = [dict(id=i, file_name=f'{i}.png', height=SIZE, width=SIZE) for i in range(1, images + 1)]
    return dict(images=listed, annotations=annotations, categories=copy.deepcopy(CATEGORIES))


def predictions(content, seed, labels=('apple', 'pear')):
    """Shifted objects and false ones with random scores, for each image of a clean file."""
    random = np.random.default_rng(seed)
    names = {category['id']: category['name'] for category in content['categories']}
    samples = []
    for image in content['images']:
        own = [a for a in content['annotations'] if a['image_id'] == image['id'] and not a['iscrowd']]
        boxes = [np.add(a['bbox'], random.integers(-2, 3, 4).clip(-1)) for a in own]
        kinds = [labels.index(names[a['category_id']]) for a in own]
        boxes, kinds = boxes + [random_square(random)], [*kinds, 0]
        masks = np.zeros((len(boxes), SIZE, SIZE), bool)
        for mask, (x, y, width, height) in zip(masks, boxes, strict=True):
            mask[max(y, 0) : y + max(height, 1), max(x, 0) : x + max(width, 1)] = True
        corners = np.array(boxes, np.float32)
        corners[:, 2:] += corners[:, :2]
        found = InstanceData(
            bboxes=torch.from_numpy(corners),
            labels=torch.tensor(kinds),
            scores=torch.from_numpy(random.random(len(boxes)).astype(np.float32)),
            masks=torch.from_numpy(masks),
        )
        samples.append(dict(img_id=image['id'], ori_shape=(SIZE, SIZE), pred_instances=found))
    return samples


@pytest.fixture
def write(tmp_path):
    """Write an annotation file with its images, and make its data set."""

    def make(content, name='objects.json', folder='images', **arguments):
        (tmp_path / folder).mkdir(exist_ok=True)
        for image in content['images']:
            cv2.imwrite(str(tmp_path / folder / image['file_name']), np.zeros((SIZE, SIZE, 3), np.uint8))
        (tmp_path / name).write_text(json.dumps(content))
        arguments = dict(data_root=str(tmp_path), data_prefix=dict(img=folder), test_mode=True, **arguments)
        return CheckedCocoDataset(ann_file=name, pipeline=[], **arguments)

    return make


def evaluate(metric, dataset, samples):
    metric.dataset_meta = dataset.metainfo
    if isinstance(metric, CheckedCocoMetric):
        metric.use_dataset(dataset)
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def figures(dataset, samples, **arguments):
    return evaluate(CheckedCocoMetric(**{'metric': ['bbox', 'segm'], **arguments}), dataset, samples)


@pytest.mark.parametrize('seed', range(5))
def test_clean_files_give_the_figures_of_mmdet(write, seed):
    content = random_content(seed)
    dataset = write(content)
    samples = predictions(content, seed)
    metric = CocoMetric(ann_file=dataset.ann_file, metric=['bbox', 'segm'])
    expected = evaluate(metric, dataset, copy.deepcopy(samples))
    assert 0.05 < expected['coco/segm_mAP'] < 1
    assert figures(dataset, samples) == pytest.approx(expected, nan_ok=True)


def test_real_photographs_give_the_figures_of_mmdet(real_data):
    root = real_data('coco_mini')
    dataset = CheckedCocoDataset(
        ann_file='annotations/instances_val.json', data_root=str(root), data_prefix=dict(img='images/val'),
        pipeline=[], test_mode=True,
    )  # fmt: skip
    metric = CheckedCocoMetric(metric='segm')
    metric.use_dataset(dataset)
    truth = CocoMetric(ann_file=dataset.ann_file)._coco_api
    assert metric.cat_ids == truth.get_cat_ids() and sorted(metric.img_ids) == sorted(truth.get_img_ids())
    ours, theirs = (
        sorted(
            (a['image_id'], a['category_id'], a['bbox'], a['area'], a['iscrowd'], api.annToMask(a).tobytes())
            for a in api.dataset['annotations']
        )
        for api in (_Index(metric.truth.coco_file()), truth)
    )
    assert ours == theirs


def test_annotation_ids_from_zero(write):
    content = random_content(0, first_id=0)
    assert content['annotations'][0]['id'] == 0
    samples = predictions(content, 1)
    ids_from_one = random_content(0)
    expected = figures(write(ids_from_one, 'other.json'), copy.deepcopy(samples))
    assert figures(write(content), samples) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    'spoilt',
    [
        dict(segmentation=[]),
        dict(segmentation=None),
        dict(segmentation={}),
        dict(segmentation=[[1, 1, 5, 5]]),
        dict(segmentation=[1, 1, 5, 1, 5, 5]),
        dict(segmentation=[[[9, 8], [29, 8], [29, 28]]]),
        dict(segmentation=dict(size=[SIZE, SIZE], counts=[3])),
        dict(bbox=[]),
        dict(bbox=None),
        dict(bbox=[0, 0, float('nan'), 3]),
        dict(area=None),
        dict(area=-4),
    ],
)
def test_what_is_unusable_is_no_ground_truth(write, spoilt):
    content = random_content(2)
    bad = len(content['annotations']) - 1
    clean = {**content, 'annotations': content['annotations'][:bad]}
    samples = predictions(clean, 1)
    expected = figures(write(clean, 'clean.json'), copy.deepcopy(samples))
    content['annotations'][bad].update(spoilt)
    dataset = write(content)
    assert figures(dataset, samples) == pytest.approx(expected, nan_ok=True)
    assert sum(finding.count for finding in dataset.report.left_out.values()) == 1


@pytest.mark.parametrize(
    'left_out', [dict(bbox=[3, 3, 0.5, 9]), dict(bbox=[90, 3, 5, 9]), dict(area=0), dict(ignore=1)]
)
def test_what_training_alone_leaves_out_counts_as_in_mmdet(write, left_out):
    content = random_content(3)
    content['annotations'][-1].update(left_out)
    dataset = write(content)
    samples = predictions(random_content(3), 1)
    expected = evaluate(CocoMetric(ann_file=dataset.ann_file, metric='segm'), dataset, copy.deepcopy(samples))
    assert figures(dataset, samples, metric='segm') == pytest.approx(expected, nan_ok=True)


def test_a_missing_crowd_flag_is_none(write):
    content = random_content(4)
    expected = figures(write(content, 'with.json'), predictions(content, 1))
    bare = copy.deepcopy(content)
    for entry in bare['annotations']:
        if not entry['iscrowd']:
            del entry['iscrowd']
    assert figures(write(bare), predictions(content, 1)) == pytest.approx(expected, nan_ok=True)


def test_figures_of_each_class_say_of_what(write):
    content = random_content(5)
    samples = predictions(content, 1)
    for sample in samples:
        sample['pred_instances'].bboxes += 30
    found = figures(write(content), samples, classwise=True)
    assert {name for name in found if 'pear' in name} == {'coco/segm_pear_precision', 'coco/bbox_pear_precision'}
    assert found['coco/bbox_pear_precision'] < 0.1 < found['coco/segm_pear_precision']


def test_figures_of_each_class_are_of_that_class(write):
    content = random_content(5)
    samples = predictions(content, 1)
    names = {category['id']: category['name'] for category in CATEGORIES}
    for sample in samples:
        own = [a for a in content['annotations'] if a['image_id'] == sample['img_id'] and not a['iscrowd']]
        boxes = torch.tensor([a['bbox'] for a in own], dtype=torch.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        labels = torch.tensor([('apple', 'pear').index(names[a['category_id']]) for a in own]).long()
        # What is found of pears is elsewhere; the id of their category is the lower one, and their label the higher.
        boxes += 60 * labels[:, None]
        sample['pred_instances'] = InstanceData(bboxes=boxes, labels=labels, scores=torch.ones(len(own)))
    found = figures(write(content), samples, metric='bbox', classwise=True)
    assert found['coco/bbox_apple_precision'] == 1 and found['coco/bbox_pear_precision'] == 0


@pytest.mark.parametrize('options', [
    dict(metric_items=['mAP_50', 'AR@300', 'AR_l@1000']),
    dict(iou_thrs=np.array([0.3, 0.5, 0.75])),
    dict(proposal_nums=(1, 2, 100)),
    dict(metric=['bbox', 'proposal']),
    dict(metric=['segm'], classwise=True, sort_categories=True),
])  # fmt: skip
def test_options_of_mmdet(write, options, capsys):
    content = random_content(3)
    content['categories'] = [dict(id=3, name='apple'), dict(id=7, name='pear')]
    for entry in content['annotations']:
        entry['category_id'] = 10 - entry['category_id']
    dataset = write(content)
    options = {'metric': ['bbox', 'segm'], **options}
    expected = evaluate(CocoMetric(ann_file=dataset.ann_file, **options), dataset, predictions(content, 3))
    summary = [line for line in capsys.readouterr().out.splitlines() if ' @[ IoU=' in line]
    expected = {
        key.replace('coco/', 'coco/segm_') if key.endswith('precision') else key: value
        for key, value in expected.items()
    }
    assert figures(dataset, predictions(content, 3), **options) == pytest.approx(expected, nan_ok=True)
    assert [line for line in capsys.readouterr().out.splitlines() if ' @[ IoU=' in line] == summary


def test_the_log_is_that_of_mmdet(write, caplog):
    content = random_content(3)
    content['categories'].reverse()
    dataset = write(content)
    MMLogger.get_instance('texts').addHandler(caplog.handler)
    caplog.set_level(logging.INFO)
    texts = []
    for metric in (CocoMetric(ann_file=dataset.ann_file, metric=['segm', 'bbox'], classwise=True),
                   CheckedCocoMetric(metric=['segm', 'bbox'], classwise=True)):  # fmt: skip
        caplog.clear()
        evaluate(metric, dataset, predictions(content, 3, labels=('pear', 'apple')))
        texts.append(caplog.messages)
    assert texts[0] == texts[1] and any('category' in text for text in texts[0])


def test_a_single_threshold(write):
    content = random_content(3)
    found = figures(write(content), predictions(content, 3), iou_thrs=0.5, classwise=True)
    assert found['coco/segm_mAP'] == found['coco/segm_mAP_50'] > 0 and found['coco/segm_mAP_75'] == -1


def test_predictions_are_written_beside_figures(write, tmp_path):
    content = random_content(3)
    dataset = write(content)
    arguments = dict(metric=['bbox', 'proposal', 'segm'])
    theirs, ours = (str(tmp_path / name) for name in ('theirs', 'ours'))
    evaluate(
        CocoMetric(ann_file=dataset.ann_file, outfile_prefix=theirs, **arguments), dataset, predictions(content, 3)
    )
    figures(dataset, predictions(content, 3), outfile_prefix=ours, **arguments)
    for kind in ('bbox', 'segm'):
        found, expected = (
            sorted(json.loads((tmp_path / f'{name}.{kind}.json').read_text()), key=json.dumps)
            for name in ('ours', 'theirs')
        )
        assert len(found) == len(expected) and found == expected


def test_masks_as_run_lengths_give_the_same_figures(write):
    content = random_content(3)
    samples = predictions(content, 3)
    expected = figures(write(content), copy.deepcopy(samples))
    for sample in samples:
        found = sample['pred_instances'].to_dict()
        masks = found['masks'].numpy().astype(np.uint8)
        sample['pred_instances'] = {**found, 'masks': [mask_utils.encode(np.asfortranarray(mask)) for mask in masks]}
    assert figures(write(content), samples) == expected


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (dict(metric_items=['mAp']), "metric_items has no 'mAp', but mAP, "),
        (dict(proposal_nums=(100,)), 'three numbers'),
    ],
)
def test_options_that_mmdet_refuses_after_the_test(options, words):
    with pytest.raises(ConfigError, match=words):
        CheckedCocoMetric(**options)


def test_boxes_alone_have_no_figures_of_masks(write):
    content = random_content(3)
    for entry in content['annotations']:
        del entry['segmentation']
    dataset = write(content, with_mask=False)
    with pytest.raises(ConfigError, match="val_evaluator: metric 'segm' needs masks"):
        CheckedCocoMetric(metric='segm').use_dataset(dataset, 'val_evaluator')
    assert figures(dataset, predictions(content, 3), metric='bbox')['coco/bbox_mAP'] > 0.05


def test_a_model_that_finds_nothing_has_zero(write, caplog):
    content = random_content(6)
    samples = predictions(content, 1)
    for sample in samples:
        sample['pred_instances'] = sample['pred_instances'][:0]
    logger = MMLogger.get_instance('nothing')
    logger.addHandler(caplog.handler)
    found = figures(write(content), samples)
    assert found['coco/segm_mAP'] == found['coco/bbox_mAP'] == found['coco/segm_mAP_50'] == 0
    assert 'found nothing in any image' in caplog.text


def test_predictions_without_ground_truth_are_written(write, tmp_path, caplog):
    content = random_content(7)
    samples = predictions(content, 1)
    bare = {key: content[key] for key in ('images', 'categories')}
    prefix = str(tmp_path / 'found')
    MMLogger.get_instance('bare').addHandler(caplog.handler)
    assert figures(write(bare), copy.deepcopy(samples), format_only=True, outfile_prefix=prefix) == {}
    for kind in ('bbox', 'segm'):
        written = json.loads((tmp_path / f'found.{kind}.json').read_text())
        assert len(written) == sum(len(sample['pred_instances']) for sample in samples)
        assert {entry['category_id'] for entry in written} == {7, 3}
    assert 'nothing' not in caplog.text and 'no annotations' not in caplog.text
    figures(write(bare), samples)
    assert 'there are no annotations to compare with' in caplog.text and 'format_only' in caplog.text


def test_format_only_needs_a_name():
    with pytest.raises(ConfigError, match='outfile_prefix'):
        CheckedCocoMetric(format_only=True)


def test_some_images_of_a_file(write):
    content = random_content(8)
    expected = figures(write({**content, 'images': content['images'][:2], 'annotations': [
        a for a in content['annotations'] if a['image_id'] <= 2
    ]}, 'two.json'), predictions(content, 1)[:2])  # fmt: skip
    found = figures(write(content, indices=2), predictions(content, 1)[:2])
    assert found == pytest.approx(expected, nan_ok=True)


def test_chosen_classes(write):
    content = random_content(9)
    dataset = write(content, metainfo=dict(classes=('pear',)))
    metric = CheckedCocoMetric(metric='segm')
    metric.use_dataset(dataset)
    assert metric.cat_ids == [3]
    counted = {entry['category_id'] for entry in metric.truth.coco_file()['annotations']}
    assert counted == {3}


def test_a_file_of_its_own_is_read_by_names_of_classes(write, tmp_path):
    content = random_content(10)
    samples = predictions(content, 1)
    dataset = write(content)
    expected = figures(dataset, copy.deepcopy(samples))
    other = copy.deepcopy(content)
    other['categories'] = [dict(id=50, name='sky'), dict(id=3, name='apple'), dict(id=7, name='pear')]
    for entry in other['annotations']:
        entry['category_id'] = 10 - entry['category_id']
    (tmp_path / 'other.json').write_text(json.dumps(other))
    found = figures(dataset, samples, ann_file=str(tmp_path / 'other.json'))
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        (lambda c: c['categories'].pop(), AnnotationFileError, "no category named 'pear'"),
        (lambda c: c['images'].pop(), ConfigError, '1 of 4 differ, such as image id 4, .*missing there'),
        (
            lambda c: c['images'][1].update(file_name='9.png'),
            ConfigError,
            "image id 2, .*2.png', which is '9.png' there",
        ),
    ],
)
def test_a_file_of_other_images_or_classes(write, tmp_path, change, error, message):
    dataset = write(random_content(11))
    other = dict(random_content(11), annotations=[])
    change(other)
    (tmp_path / 'other.json').write_text(json.dumps(other))
    metric = CheckedCocoMetric(ann_file=str(tmp_path / 'other.json'))
    with pytest.raises(error, match=f'(?s)val_evaluator.*other.json.*{message}'):
        metric.use_dataset(dataset, 'val_evaluator')


def test_a_file_that_is_not_there(write, tmp_path):
    metric = CheckedCocoMetric(ann_file=str(tmp_path / 'absent.json'))
    with pytest.raises(MissingDataError, match=r'absent\.json'):
        metric.use_dataset(write(random_content(0)))


def test_several_files_are_one(write):
    content = random_content(12)
    parts = []
    for number, wanted in enumerate([(1, 2), (3, 4)]):
        images = [image for image in content['images'] if image['id'] in wanted]
        own = [copy.deepcopy(a) for a in content['annotations'] if a['image_id'] in wanted]
        categories = copy.deepcopy(CATEGORIES)
        if number:
            for entry in own:
                entry['category_id'] += 100
            categories = [dict(c, id=c['id'] + 100) for c in categories]
        parts.append(write(dict(images=images, annotations=own, categories=categories), f'{number}.json'))
    samples = predictions(content, 1)
    expected = figures(write(content), copy.deepcopy(samples))
    assert figures(CheckedConcatDataset(parts), samples) == pytest.approx(expected, nan_ok=True)


def test_files_with_the_same_image_ids(write):
    dataset = write(random_content(0))
    with pytest.raises(AnnotationFileError, match='image id 1 is in'):
        CheckedCocoMetric().use_dataset(CheckedConcatDataset([dataset, write(random_content(0), 'again.json')]))


def test_training_data_have_no_ground_truth(write):
    dataset = write(random_content(0))
    dataset.test_mode = False
    with pytest.raises(ConfigError, match='val_evaluator has no ground truth.*test_mode=True'):
        CheckedCocoMetric().use_dataset(dataset, 'val_evaluator')


def test_nobody_gave_it_the_data():
    with pytest.raises(EvaluationError, match='EvaluationDataHook'):
        CheckedCocoMetric().process({}, predictions(random_content(0), 0))


def test_the_log_says_what_still_counts(write, caplog):
    content = random_content(0)
    content['annotations'][-1]['area'] = 0
    MMLogger.get_instance('counted').addHandler(caplog.handler)
    caplog.set_level(logging.INFO)
    write(content)
    assert "COCO's evaluation counts these all the same: 'area' is zero." in caplog.text
