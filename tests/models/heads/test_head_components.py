"""The variations of the method, each against a slow reading of its words."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from mmdet.registry import TASK_UTILS
from mmengine.config import ConfigDict
from torch.nn import functional as F

from mmdet_panseg.errors import ConfigError
from mmdet_panseg.models import RandomNegativeCells, SparseSOLOHead  # noqa: E402
from mmdet_panseg.models.gt_objects import GTObjects  # noqa: E402
from solo_cases import STOCK, pyramid, random_masks, random_samples, sample

SEED_RUNG = dict(
    assigner=dict(type='SOLOGridAssigner', center='box', clip=False, collision='area', grid='unpadded'),
    mask_supervision=dict(type='CommonStrideSupervision', stride=4, resize='probabilities'),
    classifier=dict(type='SharedCellClassifier', kernel_size=1),
    normalizer=dict(type='LossNormalizer', cls='positives+images', mask='image'),
    loss_mask=dict(type='SmoothDiceLoss', smooth=1.0, activate=False, loss_weight=3.0),
    test_cfg=ConfigDict({**STOCK['test_cfg'], 'suppression': dict(type='GreedyMaskNMS', iou_threshold=0.5)}),
)
VARIATIONS = {
    'the 24.5 rung': SEED_RUNG,
    'common stride 2': dict(mask_supervision=dict(type='CommonStrideSupervision', stride=2)),
    'upsampled before the tower': dict(mask_upsample='before'),
    'classifier per level': dict(classifier=dict(type='PerLevelCellClassifier')),
    'softmax': dict(loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0)),
    'negatives': dict(negatives=dict(type='RandomNegativeCells', ratio=1.0)),
    'cells under the mask': dict(assigner=dict(type='MaskCellAssigner', coverage=0.4)),
    'logits resized in testing': dict(test_cfg=ConfigDict({**STOCK['test_cfg'], 'resize': 'logits'})),
}


def build(**variation):
    head = SparseSOLOHead(**copy.deepcopy({**STOCK, **variation}))
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return head


@pytest.mark.parametrize('variation', VARIATIONS.values(), ids=VARIATIONS)
@pytest.mark.parametrize('counts', [[4, 2], [0, 0], [0, 7]])
def test_every_variation_trains_all_parameters_and_predicts(variation, counts):
    head = build(**variation)
    features = pyramid(2, 96, 160)
    losses = head.loss(features, random_samples(0, counts, (90, 150), (96, 160)))
    total = sum(losses.values())
    total.backward()
    assert torch.isfinite(total)
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
    head.eval()
    for result in head.predict(features, random_samples(0, counts, (90, 150), (96, 160)), rescale=True):
        assert len(result.scores) == len(result.masks) == len(result.labels) > 0
        assert (result.labels < 4).all() and (result.scores.diff() <= 0).all()


def dense_masks(head, level, features):
    """All masks of a level at the tower's resolution, as a dense head computes them."""
    return head.conv_mask_list[level](head.mask_features(features))


def test_the_24_5_rung_is_what_its_author_ran():
    """Losses from dense masks, image by image and cell by cell."""
    head = build(**SEED_RUNG)
    image_size, padded = (90, 150), (96, 160)
    samples = random_samples(4, [3, 0, 5], image_size, padded)
    features = pyramid(3, *padded)
    losses = head.loss(features, copy.deepcopy(samples))

    levels = head.align(features).levels
    image_means, num_pos, cls_terms = [], 0, 0.0
    for image, data_sample in enumerate(samples):
        masks = data_sample.gt_instances.masks.masks
        boxes, classes = data_sample.gt_instances.bboxes.numpy(), data_sample.gt_instances.labels.numpy()
        order = sorted(range(len(masks)), key=lambda index: (-int(masks[index].sum()), index))
        cell_losses = []
        for level, (feature, grid) in enumerate(zip(levels, head.num_grids, strict=True)):
            owner = np.full((grid, grid), -1)
            low, high = head.scale_ranges[level]
            for index in order:
                x1, y1, x2, y2 = boxes[index]
                if not low <= np.sqrt((x2 - x1) * (y2 - y1)) <= high:
                    continue
                spans = []
                for start, end, side in ((y1, y2, image_size[0]), (x1, x2, image_size[1])):
                    center, half = (start + end) / 2, 0.1 * (end - start)
                    first = max(0, int((center - half) / side * grid))
                    spans.append(slice(first, min(grid - 1, int((center + half) / side * grid)) + 1))
                owner[spans[0], spans[1]] = index
            probabilities = dense_masks(head, level, feature[image : image + 1]).sigmoid()
            probabilities = F.interpolate(probabilities, size=(padded[0] // 4, padded[1] // 4), mode='bilinear')[0]
            for cell in np.flatnonzero(owner.ravel() >= 0):
                target = np.zeros(padded, np.uint8)
                target[: image_size[0], : image_size[1]] = masks[owner.ravel()[cell]]
                middle = target[1::4, 1::4] + target[1::4, 2::4] + target[2::4, 1::4] + target[2::4, 2::4]
                g, p = torch.from_numpy((middle >= 2).astype(np.float32)), probabilities[cell]
                cell_losses.append(3 * (1 - (2 * (p * g).sum() + 1) / ((p * p).sum() + (g * g).sum() + 1)))
            logits = head.class_logits(feature[image : image + 1], level)[0].flatten(1).T
            labels = np.where(owner.ravel() >= 0, classes[owner.ravel()] if len(classes) else 0, head.num_classes)
            probability = logits.sigmoid()
            wanted = F.one_hot(torch.from_numpy(labels), head.num_classes + 1)[:, : head.num_classes].bool()
            right = torch.where(wanted, probability, 1 - probability)
            weight = torch.where(wanted, 0.25, 0.75)
            cls_terms = cls_terms - (weight * (1 - right) ** 2 * right.log()).sum()
            num_pos += (owner >= 0).sum()
        if cell_losses:
            image_means.append(sum(cell_losses) / len(cell_losses))
    torch.testing.assert_close(losses['loss_mask'], sum(image_means) / len(image_means), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(losses['loss_cls'], cls_terms / (num_pos + 3), rtol=1e-4, atol=1e-5)


def test_negative_masks_are_compared_negated_with_a_full_mask():
    head = build(negatives=dict(type='RandomNegativeCells'))
    assigned = []
    head.cell_mask_loss.negatives.sample = lambda positives, num_cells: assigned.append(positives) or torch.tensor([0])
    # A large object in the middle leaves cell 0 free.
    masks = np.zeros((1, 96, 96), np.uint8)
    masks[0, 30:70, 30:70] = 1
    data_sample = sample(masks, [0], (96, 96), (96, 96))
    features = pyramid(1, 96, 96)
    loss = head.loss(features, [data_sample])['loss_mask_negative']
    expected = []
    for level, feature in enumerate(head.align(features).levels):
        low, high = head.scale_ranges[level]
        if low <= 40 <= high:
            logits = dense_masks(head, level, feature)[0, 0]
            logits = F.interpolate(logits[None, None], scale_factor=2, mode='bilinear')
            p = (-logits).sigmoid()
            expected.append(3 * (1 - 2 * p.sum() / ((p * p).sum() + p.numel() + 2e-3)))
    assert len(expected) == len(assigned) > 1
    torch.testing.assert_close(loss, torch.stack(expected).mean())


def test_negative_cells_are_free_and_as_many_as_asked_for():
    positives = torch.tensor([3, 4, 9])
    drawn = RandomNegativeCells(ratio=2).sample(positives, 16)
    assert len(drawn) == 6 and len(drawn.unique()) == 6
    assert not set(drawn.tolist()) & {3, 4, 9}
    assert len(RandomNegativeCells(ratio=9).sample(positives, 16)) == 13


def test_cells_under_the_mask():
    """Cells that the object covers by at least half, and those around its centre."""
    masks = np.zeros((1, 96, 96), np.uint8)
    masks[0, 16:80, 24:56] = 1
    objects = GTObjects.from_instances(sample(masks, [1], (96, 96), (96, 96)).gt_instances, (96, 96))
    assigner = TASK_UTILS.build(dict(type='MaskCellAssigner', coverage=0.5, pos_scale=0.2))
    cells = assigner.assign(objects, [12], [(1, 999)], (96, 96), (96, 96)).cells
    assert cells.tolist() == [row * 12 + column for row in range(2, 10) for column in range(3, 7)]


@pytest.mark.parametrize('cls', ['positives+1', 'positives+images'])
@pytest.mark.parametrize('mask', ['positives', 'image'])
def test_normalizers(cls, mask):
    normalizer = TASK_UTILS.build(dict(type='LossNormalizer', cls=cls, mask=mask))
    positives = torch.tensor([2, 0, 1])
    assert normalizer.class_divisor(positives) == (4 if cls == 'positives+1' else 6)
    loss = normalizer.reduce_masks(torch.tensor([1.0, 3.0, 8.0]), torch.tensor([0, 0, 2]), positives)
    assert loss == (4 if mask == 'positives' else 5)
    nothing = normalizer.reduce_masks(torch.zeros(0), torch.zeros(0, dtype=torch.long), torch.tensor([0, 0]))
    assert nothing == 0


@pytest.mark.parametrize(
    ('component', 'message'),
    [
        (dict(type='SOLOGridAssigner', center='median'), "'median'"),
        (dict(type='SOLOGridAssigner', grid='none'), "'none'"),
        (dict(type='LossNormalizer', cls='images'), "'images'"),
        (dict(type='CommonStrideSupervision', stride=3), 'power of two'),
        (dict(type='PerLevelSupervision', resize='masks'), "'masks'"),
        (dict(type='MaskCellAssigner', coverage=0), 'coverage'),
        (dict(type='RandomNegativeCells', ratio=0), 'ratio'),
    ],
)
def test_wrong_settings_are_named(component, message):
    with pytest.raises(ValueError, match=message):
        TASK_UTILS.build(component)


@pytest.mark.parametrize(
    ('resize', 'learns_logits', 'test_resize'),
    [(None, True, 'probabilities'), ('logits', True, 'logits'), ('probabilities', False, 'probabilities')],
)
def test_what_is_resized_decides_loss_and_test(resize, learns_logits, test_resize):
    supervision = dict(type='CommonStrideSupervision', resize=resize)
    head = build(mask_supervision=supervision, test_cfg=dict(score_thr=0.1, mask_thr=0.5))
    assert (head.loss_mask.activate, head.predictor.resize) == (learns_logits, test_resize)
    own = build(mask_supervision=supervision, test_cfg=dict(score_thr=0.1, mask_thr=0.5, resize='logits'))
    assert own.predictor.resize == 'logits'
    loss = dict(type='DiceLoss', use_sigmoid=True, activate=not learns_logits)
    with pytest.raises(ValueError, match=f'loss_mask.activate={not learns_logits} contradicts'):
        build(mask_supervision=supervision, loss_mask=loss)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(score_thr=0.1, mask_thr=0.5, score_th=0.2), r"no setting 'score_th'; .* Near it: score_thr"),
        (dict(score_thr=0.1), 'does not set mask_thr'),
        (dict(score_thr=1.5, mask_thr=0.5), 'test_cfg.score_thr = 1.5'),
        (dict(score_thr=0.1, mask_thr=0.5, nms_pre=0.5), 'test_cfg.nms_pre = 0.5'),
        (dict(score_thr=0.1, mask_thr=0.5, kernel='mexican'), "test_cfg.kernel = 'mexican', .* gaussian, linear"),
        (dict(score_thr=0.1, mask_thr=0.5, resize='masks'), "test_cfg.resize = 'masks'"),
        (dict(score_thr=0.1, mask_thr=0.5, strides=[4]), "no setting 'strides'"),
        (dict(score_thr=0.1, mask_thr=0.5, sigma=-1), 'test_cfg.sigma = -1'),
        (dict(score_thr=0.1, mask_thr=0.5, suppression='GreedyMaskNMS'), "test_cfg.suppression = 'GreedyMaskNMS'"),
    ],
)
def test_test_cfg_is_checked_when_the_head_is_built(settings, message):
    with pytest.raises(ConfigError, match=message):
        build(test_cfg=settings)


def test_targets_are_needed_where_masks_are_learnt():
    assert build().target_strides == [4, 8, 16]
    assert build(mask_supervision=dict(type='CommonStrideSupervision', stride=2)).target_strides == [2]
    assert build(assigner=dict(type='MaskCellAssigner', stride=1)).target_strides == [1, 4, 8, 16]


def test_smaller_object_wins_a_cell():
    """A small disc in the middle of a large one, listed first."""
    masks = random_masks(np.random.default_rng(0), 2, 96, 96) * 0
    masks[0, 44:52, 44:52] = 1
    masks[1, 24:72, 24:72] = 1
    objects = GTObjects.from_instances(sample(masks, [0, 1], (96, 96), (96, 96)).gt_instances, (96, 96))
    owner = {}
    for collision in ('area', 'annotation'):
        assigner = TASK_UTILS.build(dict(type='SOLOGridAssigner', collision=collision))
        result = assigner.assign(objects, [12], [(1, 999)], (96, 96), (96, 96))
        owner[collision] = dict(zip(result.cells.tolist(), result.objects.tolist(), strict=True))[5 * 12 + 5]
    assert owner == dict(area=0, annotation=1)


@pytest.mark.parametrize('classifier', [None, dict(type='PerLevelCellClassifier')])
def test_a_softmax_starts_with_background(classifier):
    """Calling it again does not change weights that were trained or loaded."""
    head = SparseSOLOHead(**copy.deepcopy({**STOCK, **VARIATIONS['softmax'], 'classifier': classifier}))
    features = pyramid(1, 64, 96)
    for _ in range(2):
        head.init_weights()
        for logits in head(features)[1]:
            foreground = logits.softmax(1)[:, :-1].sum(1)
            torch.testing.assert_close(foreground, torch.full_like(foreground, 0.01), rtol=0.2, atol=0)
    losses = head.loss(features, random_samples(0, [3], (60, 90), (64, 96)))
    assert losses['loss_cls'] < 10
    trained = {name: value + torch.rand_like(value) for name, value in head.state_dict().items()}
    head.load_state_dict(trained)
    head.init_weights()
    for name, value in head.state_dict().items():
        assert torch.equal(value, trained[name]), name


def test_only_the_best_cells_have_masks():
    """Two cells an image, and what they would have without a limit."""
    features, samples = pyramid(2, 96, 160), random_samples(0, [2, 2], (90, 150), (96, 160))
    keep_all = dict(STOCK['test_cfg'], score_thr=0.0, sigma=1e-9, filter_thr=0.0, nms_pre=-1, max_per_img=-1)
    head = build(test_cfg=ConfigDict(keep_all)).eval()
    scores = torch.rand(2, sum(head.level_cells), 4)
    limited = head.predictor.from_test_cfg(
        dict(keep_all, max_cells=2), strides=head.strides, level_cells=head.level_cells, memory_budget=2**20
    ).best_cells(scores)
    for before, after in zip(scores, limited, strict=True):
        kept = after.amax(dim=1).nonzero().flatten()
        assert set(kept.tolist()) == set(before.amax(dim=1).topk(2).indices.tolist())
        assert torch.equal(after[kept], before[kept])
    unlimited = head.predict(features, samples)
    head.test_cfg = ConfigDict(dict(keep_all, max_cells=2))
    for found, everything in zip(head.predict(features, samples), unlimited, strict=True):
        assert 0 < len(found) <= 8 < len(everything)
        assert len(found.masks.flatten(1).unique(dim=0)) <= 2


@pytest.mark.parametrize('made', [False, True])
def test_images_that_grew_after_their_masks(made):
    """Batch augmentations of the data preprocessor resize images alone."""
    masks = np.ones((1, 96, 96), np.uint8)
    instances = sample(masks, [1], (96, 96), (96, 96)).gt_instances
    if made:
        instances.mask_targets_4 = torch.ones(1, 24, 24, dtype=torch.uint8)
        instances.areas, instances.centers = torch.ones(1), torch.ones(1, 2)
    GTObjects.from_instances(instances, (96, 96), (96, 96))
    with pytest.raises(ValueError, match='the image has 128x160 pixels.*BatchSyncRandomResize'):
        GTObjects.from_instances(instances, (128, 160), (128, 160))
