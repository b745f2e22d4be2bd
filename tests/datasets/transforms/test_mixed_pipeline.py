"""Mixed images through mmdet's MultiImageMixDataset, from files to packed samples and a step of training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS
from mmdet.utils import register_all_modules

import mmdet_panseg  # noqa: F401
from mmdet_panseg.datasets.scenes import STUFF_CLASSES, THING_CLASSES, make_scenes
from panoptic_solo_cases import PANOPTIC, SOLO, build, changed

THINGS, STUFF = len(THING_CLASSES), len(STUFF_CLASSES)
MIXES = {
    'mosaic': dict(type='PanopticMosaic', img_scale=(96, 80)),
    'copy_paste': dict(type='PanopticCopyPaste', flip_prob=0.5, scale_range=(0.7, 1.3)),
}
COUNTS = dict(num_things=THINGS, num_stuff=STUFF)


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / 'scenes'
    make_scenes(root, num_train=8, num_val=1, size=(96, 80), progress=False)
    return root


def mixed(scenes, mix, panoptic, pack):
    """The data set of a config."""
    register_all_modules()
    kind = 'panoptic' if panoptic else 'instances'
    load = dict(type='LoadAnnotations', with_bbox=True, with_mask=True)
    images = dict(
        type='CheckedCocoPanopticDataset' if panoptic else 'CheckedCocoDataset',
        data_root=str(scenes),
        ann_file=f'annotations/{kind}_train.json',
        data_prefix=dict(img='images/train/', **(dict(seg='annotations/panoptic_train/') if panoptic else {})),
        pipeline=[dict(type='LoadCheckedImage'), dict(type='LoadPanopticSegments') if panoptic else load],
    )
    steps = [mix, dict(type='RandomFlip', prob=0.5), dict(type='FixClassGT'), pack]
    return DATASETS.build(dict(type='MultiImageMixDataset', dataset=images, pipeline=steps))


@pytest.mark.parametrize('mix', MIXES.values(), ids=MIXES)
def test_packed_instances_agree_with_the_semantic_map(scenes, mix):
    dataset = mixed(scenes, mix, True, dict(type='PackPanopticInputs', keep_masks=True))
    assert dataset.metainfo['thing_classes'] == THING_CLASSES
    counts = []
    for index in range(len(dataset)):
        item = dataset[index]
        sample = item['data_samples']
        semantic = sample.gt_sem_seg.sem_seg[0].numpy()
        assert item['inputs'].shape == (3, 80, 96) and semantic.shape == sample.img_shape == (80, 96)
        objects, crowds = sample.gt_instances, sample.ignored_instances
        masks = np.concatenate([objects.masks.masks, crowds.masks.masks]).astype(bool)
        labels = torch.cat([objects.labels, crowds.labels]).tolist()
        for label in range(THINGS):
            union = masks[[own == label for own in labels]].any(axis=0)
            np.testing.assert_array_equal(union, semantic == label)
        assert masks.sum(axis=0).max() <= 1
        assert objects.mask_targets_4.shape == (len(objects), 24, 24) and len(objects.centers) == len(objects)
        counts.append(len(objects))
    assert min(counts) > 0


@pytest.mark.parametrize('panoptic', [True, False])
@pytest.mark.parametrize('mix', MIXES.values(), ids=MIXES)
def test_a_step_of_training(scenes, mix, panoptic):
    dataset = mixed(scenes, mix, panoptic, dict(type='PackPanopticInputs'))
    if panoptic:
        config = changed(PANOPTIC, mask_head=dict(num_classes=THINGS), semantic_head=COUNTS, fusion_head=COUNTS)
    else:
        config = changed(SOLO, mask_head=dict(num_classes=THINGS))
    model = build(config)
    items = [dataset[index] for index in range(2)]
    batch = {key: [item[key] for item in items] for key in ('inputs', 'data_samples')}
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    total, values = model.parse_losses(losses)
    total.backward()
    assert torch.isfinite(total) and all(value > 0 for name, value in values.items() if 'loss' in name)
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters() if parameter.grad is not None)


def test_images_that_are_not_mixed_pass(scenes):
    """No partners are loaded for them."""
    mix = dict(type='PanopticMosaic', img_scale=(20, 20), prob=0.0)
    dataset = mixed(scenes, mix, True, dict(type='PackPanopticInputs'))
    loaded = []

    class Counted(type(dataset.dataset)):
        def __getitem__(self, index):
            loaded.append(index)
            return super().__getitem__(index)

    dataset.dataset.__class__ = Counted
    assert dataset[3]['inputs'].shape == (3, 80, 96) and loaded == [3]
