"""Heads whose scores know the whole mask."""

from __future__ import annotations

import copy

import pytest
import torch
from mmdet.models import QualityFocalLoss
from mmengine.config import ConfigDict

from head_checks import losses_with_gradients
from mmdet_panseg.models import SparseDecoupledSOLOHead, SparseSOLOHead, SparseSOLOV2Head
from mmdet_panseg.models.gt_objects import GTObjects
from mmdet_panseg.models.heads.cell_masks.mask_pooled_classifier import MaskPooledClassifier
from mmdet_panseg.ops import best_class_ious
from solo_cases import STOCK, pyramid, random_samples
from solo_v2_cases import V2

CLASSIFIER = dict(type='MaskPooledClassifier', feat_channels=8, hidden_channels=16, num_positives=6, num_others=5)
KINDS = {SparseSOLOHead: STOCK, SparseDecoupledSOLOHead: STOCK, SparseSOLOV2Head: V2}
SIZE = (96, 128)


def build(kind, **overrides):
    torch.manual_seed(0)
    head = kind(**copy.deepcopy({**KINDS[kind], **overrides}))
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return head


def batch(counts):
    return pyramid(len(counts), *SIZE), random_samples(7, counts, SIZE, SIZE)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('counts', [[5, 0, 30], [0, 0]])
def test_training_differs_by_the_loss_of_the_classifier_alone(kind, counts):
    """Masks do not learn from their ratings: other gradients than those of the features stay what they are."""
    head = build(kind, mask_classifier=CLASSIFIER)
    data = batch(counts)
    losses, gradients = losses_with_gradients(head, *data)
    assert losses['loss_mask_cls'] > 0
    for name, gradient in gradients.items():
        assert gradient is not None and torch.isfinite(gradient).all(), name
    head.mask_classifier = None
    bare_losses, bare_gradients = losses_with_gradients(head, *data)
    assert losses.keys() - bare_losses.keys() == {'loss_mask_cls'}
    for name, value in bare_losses.items():
        torch.testing.assert_close(losses[name], value)
    for name, gradient in bare_gradients.items():
        if not name.startswith('features'):
            torch.testing.assert_close(gradients[name], gradient, msg=name)


@pytest.mark.parametrize('kind', KINDS)
def test_scores_are_means_of_both(kind):
    """A share of 0 leaves the predictions, a greater one only changes scores and with them what is suppressed."""
    keep_all = ConfigDict({**STOCK['test_cfg'], 'sigma': 1e-9, 'filter_thr': 0.0, 'nms_pre': -1, 'max_per_img': -1})
    head = build(kind, mask_classifier=dict(CLASSIFIER, share=0.0), test_cfg=keep_all).eval()
    features, samples = batch([2, 3])
    classifier = head.mask_classifier
    rated = head.predict(features, samples)
    head.mask_classifier = None
    unrated = head.predict(features, samples)
    for result, expected in zip(rated, unrated, strict=True):
        assert len(result) == len(expected) > 3
        torch.testing.assert_close(result.scores, expected.scores)
        assert torch.equal(result.masks, expected.masks)
    head.mask_classifier, classifier.share = classifier, 1.0
    for result, own in zip(head.predict(features, samples), unrated, strict=True):
        assert len(result) == len(own) and (result.scores.sort().values != own.scores.sort().values).any()


def test_it_learns_the_iou_with_the_best_object_of_each_class():
    head = build(SparseSOLOV2Head, mask_classifier=CLASSIFIER)
    classifier, (features, samples) = head.mask_classifier, batch([3])
    objects = GTObjects.from_instances(samples[0].gt_instances, SIZE)
    truth = objects.targets(4, torch.arange(3), (24, 32)).float()
    masks = torch.cat([truth * 0.9, truth.roll(3, dims=2) * 0.8, torch.zeros(1, 24, 32)])
    maps = classifier.features(features)
    loss = classifier.loss(maps, [masks], [objects])
    targets = best_class_ious(masks > 0.5, truth > 0, objects.labels, 4)
    targets[targets <= 0.4] = 0
    assert targets[:3].amax(dim=1).eq(1).all() and targets[-1].eq(0).all()
    expected = QualityFocalLoss()(classifier(maps[0], masks), targets, avg_factor=targets.sum())
    torch.testing.assert_close(loss, expected)


def test_cells_to_learn_from():
    """At most six positive cells, and the five best of the others."""
    classifier = MaskPooledClassifier(8, 4, feat_channels=8, num_positives=6, num_others=5)
    logits, positives = torch.randn(100, 4), torch.arange(10, 30)
    chosen = classifier.choose(logits, positives)
    assert len(chosen) == 11 and (chosen.diff() > 0).all()
    own = torch.isin(chosen, positives)
    assert own.sum() == 6
    others = logits.amax(dim=1)
    others[positives] = -9
    assert set(chosen[~own].tolist()) == set(others.topk(5).indices.tolist())
    assert len(classifier.choose(logits[:8], torch.arange(6))) == 8


def test_a_share_that_is_no_fraction_is_named():
    with pytest.raises(ValueError, match='share is a fraction from 0 to 1, not 5'):
        MaskPooledClassifier(8, 4, share=5)


def test_targets_at_a_quarter_are_asked_for():
    assert 4 in build(SparseSOLOHead, mask_classifier=CLASSIFIER).target_strides
