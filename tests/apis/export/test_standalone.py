"""The file that runs exported models: as ours with numpy alone, and without torch and mmdet."""

from __future__ import annotations

import shutil
import subprocess
import sys

import cv2
import mmcv
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from PIL import Image

from export_cases import write_stand_in
from mmdet_panseg.apis.export import standalone
from mmdet_panseg.models import PanopticSOLO, PanopticSOLOFusionHead
from mmdet_panseg.models.heads.semantic.semantic_head import SemanticMaps
from mmdet_panseg.ops import boxes_from_masks

THINGS, STUFF = 3, 2
FUSION = dict(
    **dict(score_thr=0.1, min_visible=0.5, min_thing_area=2, min_stuff_area=10, min_agreement=0.0, unclaimed='void'),
    **dict(min_vote=0.0, semantic_share=0.0, stuff_instances=True),
)
CHOICES = dict(
    score_thr=[0.0, 0.5],
    min_visible=[0.0, 0.5],
    min_thing_area=[0, 30],
    min_stuff_area=[0, 60],
    min_agreement=[0.0, 0.3],
    unclaimed=['void', 'stuff'],
    min_vote=[0.0, 0.2, 0.5],
    semantic_share=[0.0, 0.5],
    stuff_instances=[True, False],
)


@settings(max_examples=150, deadline=None)
@given(*(st.integers(1, 90) for _ in range(4)), st.integers(0, 9), st.booleans())
def test_images_are_resized_as_by_opencv(rows, columns, height, width, seed, halved):
    if halved:
        rows, columns = 2 * height, 2 * width
    image = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), np.uint8)
    expected = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(standalone.resized(image, height, width), expected)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 900), st.integers(1, 900), st.integers(20, 900), st.integers(20, 900))
def test_sizes_are_those_of_mmcv(height, width, long, short):
    rule = dict(scale=[long, short], keep_ratio=True)
    assert standalone.network_size(height, width, rule) == mmcv.rescale_size((width, height), (long, short))[::-1]
    assert standalone.network_size(height, width, dict(rule, keep_ratio=False)) == (short, long)
    assert standalone.network_size(height, width, None) == (height, width)


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_files_are_read_as_by_opencv(tmp_path, suffix):
    small = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    path = tmp_path / f'photo{suffix}'
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(cv2.resize(small, (61, 43))).save(path, exif=exif.tobytes())
    np.testing.assert_array_equal(standalone.read_image(path), cv2.imread(str(path))[..., ::-1])
    unturned = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)[..., ::-1]
    np.testing.assert_array_equal(standalone.read_image(path, rotate=False), unturned)


def random_results(seed, height=31, width=45, stride=4):
    """Instances, some empty and with equal scores, and semantic maps."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 9))
    rows, columns = np.mgrid[:height, :width]
    masks = np.zeros((count, height, width), bool)
    for mask in masks:
        (y, x), (b, a) = rng.uniform(0, [height, width]), rng.uniform(0.3, 16, 2)
        mask[:] = ((rows - y) / b) ** 2 + ((columns - x) / a) ** 2 <= 1
    masks = torch.from_numpy(masks)
    scores = torch.from_numpy(rng.choice([0.2, 0.5, 0.9], count) if seed % 3 == 0 else rng.random(count)).float()
    scores = scores.sort(descending=True).values
    labels = torch.from_numpy(rng.integers(0, THINGS + STUFF, count))
    instances = InstanceData(scores=scores, labels=labels, masks=masks, bboxes=boxes_from_masks(masks))
    cells = -(-height // stride), -(-width // stride)
    logits = torch.from_numpy(rng.normal(size=(THINGS + STUFF, *cells)) * 3).float()
    pixels = logits.repeat_interleave(stride, 1).repeat_interleave(stride, 2)[:, :height, :width]
    semantic = SemanticMaps(pixels.argmax(0), pixels[THINGS:].argmax(0) + THINGS, logits)
    return instances, semantic


def outputs_of(instances, semantic):
    return dict(
        boxes=instances.bboxes.numpy(),
        scores=instances.scores.numpy(),
        labels=instances.labels.numpy(),
        masks=instances.masks.numpy(),
        semantic_map=semantic.labels.byte().numpy(),
        stuff_map=semantic.stuff.byte().numpy(),
        semantic_probabilities=semantic.logits.softmax(0).numpy(),
    )


def finished(outputs, merge_things=False, **fusion):
    model = object.__new__(standalone.Model)
    model.settings = dict(fusion=dict(FUSION, **fusion), num_stuff=STUFF, merge_things=merge_things)
    model.num_things = THINGS
    return model.finish(outputs)


class Detector(PanopticSOLO):
    """The part of the detector that fuses."""

    def __init__(self, merge_things, fusion):
        torch.nn.Module.__init__(self)
        self.fusion_head = PanopticSOLOFusionHead(THINGS, STUFF, **fusion)
        self.mask_head = torch.nn.Identity()
        self.mask_head.num_classes = THINGS + STUFF
        self.semantic_head = torch.nn.Identity()
        self.semantic_head.merge_things = merge_things


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**20), st.fixed_dictionaries({key: st.sampled_from(value) for key, value in CHOICES.items()}))
def test_fusion_equals_ours_to_the_pixel(seed, fusion):
    instances, semantic = random_results(seed)
    found = finished(outputs_of(instances, semantic), **fusion)
    sample = DetDataSample(pred_instances=instances)
    Detector(False, fusion).add_maps(sample, semantic)
    expected_map = sample.pred_panoptic_seg.sem_seg[0].numpy()
    ids = np.where(expected_map == THINGS + STUFF, 0, expected_map + 1)
    np.testing.assert_array_equal(found['panoptic_map'], ids)
    np.testing.assert_array_equal(found['semantic_map'], semantic.labels.numpy())
    np.testing.assert_allclose(found['scores'], sample.pred_instances.scores.numpy(), rtol=1e-5)
    np.testing.assert_array_equal(found['labels'], sample.pred_instances.labels.numpy())
    np.testing.assert_array_equal(found['masks'], sample.pred_instances.masks.numpy())
    np.testing.assert_array_equal(found['boxes'], sample.pred_instances.bboxes.numpy())
    expected = sample.pred_panoptic_seg.segments_info
    assert len(found['segments_info']) == len(expected)
    for one, other in zip(found['segments_info'], expected, strict=True):
        other['category_id'], other['id'] = other.pop('category'), other['id'] + 1
        score, expected_score = one.pop('score'), other.pop('score')
        assert score is expected_score or score == pytest.approx(expected_score, rel=1e-5)
        assert one == other


@pytest.mark.parametrize('seed', range(6))
def test_things_of_a_merged_channel_take_the_class_of_the_fused_thing(seed):
    instances, semantic = random_results(seed)
    semantic = semantic._replace(labels=torch.where(semantic.labels < THINGS, 255, semantic.labels))
    found = finished(outputs_of(instances, semantic), merge_things=True)
    sample = DetDataSample(pred_instances=instances)
    Detector(True, FUSION).add_maps(sample, semantic)
    np.testing.assert_array_equal(found['semantic_map'], sample.pred_sem_seg.sem_seg[0].numpy())


HOOK = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('torch', 'mmdet', 'mmcv', 'mmengine', 'cv2', 'mmdet_panseg', 'scipy'):
            raise ImportError(f'{name} is refused')
sys.meta_path.insert(0, Refuse())
sys.argv = sys.argv[1:]
import runpy
runpy.run_path(sys.argv[0], run_name='__main__')
"""


def test_runs_without_torch_and_mmdet(tmp_path):
    """On a stand-in for a model, as a command, with its results read back."""
    instances, semantic = random_results(1)
    height, width = semantic.labels.shape
    names = [f'class {number}' for number in range(THINGS + STUFF)]
    write_stand_in(
        tmp_path / 'model.onnx',
        outputs_of(instances, semantic),
        dict(
            **dict(classes=names, num_things=THINGS, num_stuff=STUFF, fusion=FUSION, merge_things=False),
            **dict(resize=dict(scale=[64, 64], keep_ratio=True), channel_order='RGB', mean=[127] * 3, std=[64] * 3),
            **dict(rotate=True, bit_depth=16, palette=[[9, 9, 9]] * len(names)),
        ),
    )
    shutil.copy(standalone.__file__, tmp_path / 'model.py')
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(tmp_path / 'photo.png')
    command = [sys.executable, '-c', HOOK, 'model.py', 'photo.png', '--out', 'found']
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ids = np.asarray(Image.open(tmp_path / 'found' / 'photo_panoptic.png')).astype(int)
    expected = finished(outputs_of(instances, semantic))
    np.testing.assert_array_equal(ids @ [1, 256, 65536], expected['panoptic_map'])
    np.testing.assert_array_equal(Image.open(tmp_path / 'found' / 'photo_semantic.png'), expected['semantic_map'])


def test_run_lengths_are_those_of_coco():
    from pycocotools import mask as coco_masks

    rng = np.random.default_rng(0)
    for share in (0.0, 0.3, 1.0):
        mask = rng.random((7, 5)) < share
        encoded = standalone._rle(mask)
        np.testing.assert_array_equal(coco_masks.decode(coco_masks.frPyObjects(encoded, 7, 5)), mask)


def test_instances_below_the_threshold_are_left_out():
    instances, semantic = random_results(3)
    instances.scores = torch.linspace(0.9, 0.1, len(instances))
    found = dict(outputs_of(instances, semantic), segments_info=[1])
    threshold = float(instances.scores.median())
    kept = standalone._above(found, threshold)
    above = instances.scores.numpy() >= threshold
    assert 0 < above.sum() < len(above) and kept['segments_info'] == [1]
    for key in ('boxes', 'scores', 'labels', 'masks'):
        np.testing.assert_array_equal(kept[key], found[key][above])
    assert standalone._above(dict(semantic_map=1), 0.5) == dict(semantic_map=1)
