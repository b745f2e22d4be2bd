"""LVIS's rules; the referee is pycocotools with these rules on top, as lvis 0.5.3 does not run beside today's NumPy."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_masks
from pycocotools.cocoeval import COCOeval

from instance_cases import DEFAULT_THRS, SIZE, random_predictions, random_truth, read, referee
from mmdet_panseg.datasets import CheckedCocoDataset
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.evaluation import CheckedLVISMetric, average_precision
from mmdet_panseg.evaluation.average_precision import evaluate_lvis

IDS = [1, 2, 3, 4, 5]


def federated(rng, api):
    """What LVIS says of each image, by id: classes that are not there, and those that are not complete."""
    said = {}
    for image_id in api.imgs:
        present = {a['category_id'] for a in api.imgToAnns[image_id] if a['area'] > 0}
        absent = [number for number in IDS if number not in present and rng.random() < 0.5]
        said[image_id] = absent, [number for number in IDS if number not in absent and rng.random() < 0.4], present
    return said


def oracle(kind, api, found, said, most):
    """Precision and recall of pycocotools with LVIS's rules, one after the other."""

    class Federated(COCOeval):
        def evaluateImg(self, imgId, catId, aRng, maxDet):  # noqa: N802, N803
            result = super().evaluateImg(imgId, catId, aRng, maxDet)
            if result is not None and catId in said[imgId][1]:
                result['dtIgnore'] |= result['dtMatches'] == 0
            return result

    counted = []
    for own in found:
        absent, _, present = said[own.image_id]
        scores = own.scores if kind == 'bbox' else own.mask_scores
        kept = sorted(range(len(own)), key=lambda k, scores=scores: -scores[k])[:most]
        area = own.coco_boxes()[:, 2:].prod(axis=1) if kind == 'bbox' else [*map(coco_masks.area, own.rles())]
        kept = [k for k in kept if area[k] > 0 and IDS[own.labels[k]] in {*absent, *present}]
        counted.append(own.select(np.array(kept, np.int64)))
    for entry in api.dataset['annotations']:
        entry['iscrowd'] = 0
    api.dataset['annotations'] = [entry for entry in api.dataset['annotations'] if entry['area'] > 0]
    api.createIndex()
    return referee(kind, api, IDS, counted, DEFAULT_THRS, [most], Federated) if any(map(len, counted)) else None


def with_said(truth, said):
    """Our ground truth with what LVIS says; labels are one less than ids."""
    images = [
        replace(
            image,
            absent=[number - 1 for number in said[image.image_id][0]],
            incomplete=[number - 1 for number in said[image.image_id][1]],
        )
        for image in truth.images
    ]
    return replace(truth, images=images, categories=[
        dict(category, frequency=frequency) for category, frequency in zip(truth.categories, 'rcfrc', strict=True)
    ])  # fmt: skip


@pytest.mark.filterwarnings('ignore:hotcoco. max_dets')
@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(['bbox', 'segm']),
    most=st.sampled_from([3, 300]),
    at_a_time=st.sampled_from([1, 10_000]),
)
def test_figures_by_the_rules(seed, kind, most, at_a_time):
    rng = np.random.default_rng(seed)
    api = random_truth(rng, [4, 1, 9], IDS, most=8)
    for entry in api.dataset['annotations'][::5]:
        entry['area'] = 0
    said = federated(rng, api)
    found = random_predictions(rng, api, IDS, most=9)
    truth = with_said(read(api, IDS), said)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(average_precision, 'LVIS_MAX_DETS', most)
        patch.setattr(average_precision, '_INSTANCES_AT_A_TIME', at_a_time)
        result = evaluate_lvis(kind, truth, found, DEFAULT_THRS)
    expected = oracle(kind, api, found, said, most)
    if expected is None:
        return
    # hotcoco's large objects end at LVIS's 1e5 squared, as pycocotools' do.
    assert np.array_equal(result.eval['precision'], expected.eval['precision'])
    assert np.array_equal(result.eval['recall'], expected.eval['recall'])
    result.summarize()
    figures = result.get_results()
    for letter, chosen in (('r', [0, 3]), ('c', [1, 4]), ('f', [2])):
        values = expected.eval['precision'][:, :, chosen, 0]
        mean = values[values > -1].mean() if (values > -1).any() else -1
        assert figures[f'AP{letter}'] == pytest.approx(mean, abs=1e-12)


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_more_instances_than_count(kind):
    rng = np.random.default_rng(8)
    api = random_truth(rng, [4], IDS, most=250)
    said = federated(rng, api)
    found = random_predictions(rng, api, IDS, most=900)
    assert len(found[0]) > 600
    result = evaluate_lvis(kind, with_said(read(api, IDS), said), found, DEFAULT_THRS)
    expected = oracle(kind, api, found, said, 300)
    assert np.array_equal(result.eval['precision'], expected.eval['precision'])
    assert expected.eval['precision'].max() > 0.05


@pytest.fixture
def lvis_file(tmp_path):
    """A file of LVIS, whose images have no file name but an address."""
    rng = np.random.default_rng(7)
    api = random_truth(rng, [1, 2, 3], IDS, most=8)
    said = federated(rng, api)
    (tmp_path / 'val2017').mkdir()
    images = []
    for image in api.dataset['images']:
        name = f'val2017/{image["id"]:012}.jpg'
        cv2.imwrite(str(tmp_path / name), np.zeros((*SIZE, 3), np.uint8))
        absent, incomplete, _ = said[image['id']]
        images.append(
            dict(image, coco_url=f'http://images.cocodataset.org/{name}', neg_category_ids=absent,
                 not_exhaustive_category_ids=incomplete)
        )  # fmt: skip
    categories = [dict(id=number, name=f'kind {number}', frequency='rcfrc'[number - 1]) for number in IDS]
    annotations = [
        {key: value for key, value in entry.items() if key != 'iscrowd'}
        for entry in api.dataset['annotations']
        if isinstance(entry['segmentation'], list)
    ]
    return tmp_path, dict(images=images, annotations=annotations, categories=categories)


def dataset_of(folder, content):
    (folder / 'lvis.json').write_text(json.dumps(content))
    arguments = dict(data_root=str(folder), data_prefix=dict(img=''), test_mode=True, pipeline=[])
    return CheckedCocoDataset(ann_file='lvis.json', **arguments)


def test_a_file_of_lvis(lvis_file):
    folder, content = lvis_file
    dataset = dataset_of(folder, content)
    assert dataset.get_data_info(1)['img_path'].endswith('val2017/000000000002.jpg')
    metric = CheckedLVISMetric(metric=['bbox', 'segm'], classwise=True)
    metric.dataset_meta = dataset.metainfo
    metric.use_dataset(dataset)
    for image in metric.truth.images:
        instances = dict(
            bboxes=torch.from_numpy(np.concatenate([image.boxes[:, :2], image.boxes[:, :2] + image.boxes[:, 2:]], 1)),
            labels=torch.from_numpy(image.labels),
            scores=torch.ones(len(image)),
            masks=[dict(size=SIZE, counts=code) for code in image.codes],
        )
        metric.process({}, [dict(img_id=image.image_id, ori_shape=SIZE, pred_instances=instances)])
    figures = metric.evaluate(3)
    assert figures['lvis/segm_AP'] == figures['lvis/bbox_AP'] == 1
    assert {'lvis/segm_APr', 'lvis/segm_APc', 'lvis/segm_APf', 'lvis/bbox_kind 1_precision'} <= set(figures)


def test_other_files_and_options_are_refused(lvis_file):
    folder, content = lvis_file
    with pytest.raises(ConfigError, match="metric is 'bbox' or 'segm', not 'proposal'"):
        CheckedLVISMetric(metric='proposal')
    with pytest.raises(ConfigError, match="metric_items has no 'mAP', but AP, AP50"):
        CheckedLVISMetric(metric_items=['mAP'])
    del content['categories'][2]['frequency']
    with pytest.raises(ConfigError, match="'frequency' of category 'kind 3'"):
        CheckedLVISMetric().use_dataset(dataset_of(folder, content))
    del content['images'][1]['neg_category_ids']
    with pytest.raises(ConfigError, match="lack 'neg_category_ids' or 'not_exhaustive_category_ids'"):
        CheckedLVISMetric().use_dataset(dataset_of(folder, content))
