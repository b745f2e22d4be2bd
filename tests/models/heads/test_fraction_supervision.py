"""Masks that learn the covered fraction of each pixel."""

from __future__ import annotations

import copy

import pytest
import torch
from mmdet.registry import MODELS, TASK_UTILS
from torch.nn import functional as F

from mmdet_panseg.models.gt_objects import GTObjects
from solo_cases import pyramid, random_samples
from solo_v2_cases import ours

LOSS = dict(type='DiceBCELoss')
SIZE = (96, 128)


def test_losses_compare_with_the_covered_fractions():
    head = ours(mask_supervision=dict(type='FractionSupervision'), loss_mask=LOSS)
    assert head.target_strides == [2]
    features, (data_sample,) = pyramid(1, *SIZE), random_samples(7, [5], SIZE, SIZE)
    loss = head.loss(features, [copy.deepcopy(data_sample)])['loss_mask']
    (objects,), (assigned,) = head.assign(SIZE, [data_sample])
    binary = torch.from_numpy(objects.masks)
    # mmdet's rule at stride 2: at least two of the four pixels.
    halves = (binary.unflatten(2, (-1, 2)).unflatten(1, (-1, 2)).sum(dim=(2, 4)) >= 2).double()
    fractions = halves.unflatten(2, (-1, 2)).unflatten(1, (-1, 2)).mean(dim=(2, 4)).float()
    assert len(fractions.unique()) == 5
    kernels, _, mask_features = head(tuple(features))
    kernels = torch.cat([level[0].flatten(1).T for level in kernels])[assigned.cells]
    logits = torch.einsum('pc,chw->phw', kernels, mask_features[0])
    expected = MODELS.build(LOSS)(logits, fractions[assigned.objects])
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(('stride', 'samples'), [(1, 2), (3, 2), (4, 1), (4, 3), (4, 8)])
def test_strides_that_cannot_be_sampled_are_refused(stride, samples):
    with pytest.raises(ValueError, match='must be a power of two'):
        TASK_UTILS.build(dict(type='FractionSupervision', stride=stride, samples=samples))


def test_fractions_keep_the_border_of_small_objects():
    """A disc of 13 pixels, enlarged from its targets at 1/4 as predictions are."""
    rows, columns = torch.meshgrid(*[torch.arange(48) + 0.5] * 2, indexing='ij')
    disc = (rows - 21.3) ** 2 + (columns - 25.9) ** 2 < 6.5**2
    masks = disc.numpy()[None].astype('uint8')
    objects = GTObjects(torch.zeros(1, 4), torch.zeros(1), torch.ones(1), torch.zeros(1, 2), masks=masks)
    ious = {}
    for kind in ('CommonStrideSupervision', 'FractionSupervision'):
        supervision = TASK_UTILS.build(dict(type=kind, stride=4))
        stride = supervision.target_stride(8)
        targets = supervision.targets(objects.targets(stride, torch.zeros(1).long(), (48 // stride,) * 2))
        enlarged = F.interpolate(targets[None].float(), size=(48, 48), mode='bilinear')[0, 0] > 0.5
        ious[kind] = ((enlarged & disc).sum() / (enlarged | disc).sum()).item()
    assert ious['FractionSupervision'] > 0.9 > ious['CommonStrideSupervision'] + 0.03
