"""What is browsed is what a training gets."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from mmengine.runner import Runner
from PIL import Image

from mmdet_panseg.apis.browse import browse_samples, browsing_totals
from mmdet_panseg.engine import ConfigError
from mmdet_panseg.models import PanopticSOLO, SparseSOLOHead


def trained_on(config, seed, monkeypatch):
    """Inputs, samples and cells of two iterations of a real training."""
    seen, cells = [], []
    loss, assign = PanopticSOLO.loss, SparseSOLOHead.assign

    def watched_loss(model, inputs, samples):
        seen.extend(zip(inputs.clone(), copy.deepcopy(samples), strict=True))
        return loss(model, inputs, samples)

    def watched_assign(head, *args):
        objects, assigned = assign(head, *args)
        cells.extend(assigned)
        return objects, assigned

    monkeypatch.setattr(PanopticSOLO, 'loss', watched_loss)
    monkeypatch.setattr(SparseSOLOHead, 'assign', watched_assign)
    config = copy.deepcopy(config)
    config.randomness = dict(seed=seed)
    config.custom_hooks = [dict(type='RandomStateHook')]
    config.default_hooks = dict(checkpoint=None, logger=None)
    Runner.from_cfg(config).train()
    return seen, cells


@pytest.mark.parametrize('panoptic', [True, False])
def test_a_training_gets_the_same(make_config, monkeypatch, panoptic):
    config = make_config(panoptic=panoptic)
    browsed = browse_samples(config, num=4, seed=5)
    seen, cells = trained_on(config, 5, monkeypatch)
    assert len(browsed) == len(seen) == 4
    for sample, (inputs, packed), found in zip(browsed, seen, cells, strict=True):
        assert packed.img_path.endswith(sample.name)
        assert sample.image.shape[:2] == inputs.shape[1:] and sample.image_size == packed.img_shape
        mean, std = config.model.data_preprocessor['mean'], config.model.data_preprocessor['std']
        pixels = inputs.permute(1, 2, 0).numpy() * std + mean
        height, width = packed.img_shape
        assert np.abs(pixels - sample.image)[:height, :width].max() < 0.01
        assert np.array_equal(sample.labels, packed.gt_instances.labels)
        assert [int(mask.sum()) for mask in sample.masks] == packed.gt_instances.areas.tolist()
        if panoptic:
            assert np.array_equal(sample.semantic_map, packed.gt_sem_seg.sem_seg[0])
        first, numbered, owners = 0, [], []
        for level in sample.assignment.levels:
            numbered += (level.cells + first).tolist()
            owners += level.objects.tolist()
            first += level.grid**2
        assert numbered == found.cells.tolist() and owners == found.objects.tolist()
        assert set(sample.assignment.without_cell) == set(range(len(sample.labels))) - set(owners)


def test_another_seed_gives_others(make_config):
    samples = [browse_samples(make_config(), num=3, seed=seed) for seed in (0, 0, 1)]
    same, again, other = ([(s.name, s.image.tobytes()) for s in found] for found in samples)
    assert same == again != other


@pytest.mark.parametrize('rgb', [True, False])
def test_colours_are_those_of_the_file(make_config, small_scenes, rgb):
    for sample in browse_samples(make_config(steps=[], rgb=rgb), num=2):
        file = np.array(Image.open(small_scenes / 'images/train' / sample.name).convert('RGB'))
        height, width = sample.image_size
        assert file.shape[:2] == (height, width) and sample.image.shape[:2] == (96, 128)
        assert np.array_equal(sample.image[:height, :width], file)


def test_ignored_objects_are_told_apart(make_config, small_scenes):
    samples = browse_samples(make_config(steps=[]), num=6)
    crowds = [sample for sample in samples if len(sample.ignored_labels)]
    removed = browse_samples(make_config(steps=[dict(type='RemoveCrowds')]), num=6)
    assert crowds, 'the scenes have crowds'
    for sample in crowds:
        assert sample.ignored_masks.any(axis=(1, 2)).all()
        assert any(line.startswith('ignored') for line in sample.remarks())
    for before, after in zip(samples, removed, strict=True):
        assert len(after.ignored_labels) == 0 and len(after.labels) == len(before.labels)
        dropped = sum(sum(change.dropped.values()) for change in after.changes if change.step == 'RemoveCrowds')
        assert dropped == len(before.ignored_labels)


def test_steps_that_drop_objects_are_named(make_config):
    config = make_config(steps=[dict(type='RandomCrop', crop_size=(40, 40), allow_negative_crop=True)])
    samples = browse_samples(config, num=6)
    whole = {sample.name: sample for sample in browse_samples(make_config(steps=[]), num=6)}
    lost = 0
    for sample in samples:
        before = len(whole[sample.name].labels) + len(whole[sample.name].ignored_labels)
        change = sum(sum(step.added.values()) - sum(step.dropped.values()) for step in sample.changes)
        assert before + change == len(sample.labels) + len(sample.ignored_labels)
        lost -= change
    assert lost > 0


def test_images_without_objects_and_without_a_solo_head(make_config):
    config = make_config(scale_ranges=((500, 600),) * 5)
    for sample in browse_samples(config, num=3):
        assert len(sample.assignment.without_cell) == len(sample.labels)
        assert all('begin at 500' in reason for reason in sample.assignment.without_cell.values())
    del config.model['mask_head']
    config.model.mask_head = None
    assert all(sample.assignment is None for sample in browse_samples(config, num=2))


def test_totals_add_up(make_config):
    samples = browse_samples(make_config(), num=5)
    text = browsing_totals(samples)
    assert f'{sum(len(sample.labels) for sample in samples)} objects' in text and text.startswith('5 images')


@pytest.mark.parametrize('options, message', [(dict(num=0), '--num 0'), (dict(split='val'), '--split val: .* no val')])
def test_what_cannot_be_browsed_is_an_error(make_config, options, message):
    with pytest.raises(ConfigError, match=message):
        browse_samples(make_config(), **options)
