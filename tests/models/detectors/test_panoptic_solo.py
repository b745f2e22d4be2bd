"""The detector as a whole: two branches, one pass, three results."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmdet.visualization import DetLocalVisualizer

from mmdet_panseg.errors import ConfigError  # noqa: E402
from mmdet_panseg.models.detectors.panoptic_solo import name_unknown_things  # noqa: E402
from mmdet_panseg.models.heads.semantic.semantic_head import SemanticMaps  # noqa: E402
from mmdet_panseg.ops import INSTANCE_OFFSET, fuse_panoptic, majority_labels, mean_mask_probabilities  # noqa: E402
from panoptic_solo_cases import PANOPTIC, SOLO, STUFF, THINGS, VOID, build, changed, training_batch, unlabelled_batch

WITHOUT_THINGS = dict(semantic_head=dict(num_things=0), fusion_head=dict(num_things=0))
SIZES, ORIGINAL_SIZES = [(61, 90), (50, 77)], [(101, 150), (47, 73)]


def run(model, batch, mode):
    return model(**model.data_preprocessor(batch, training=mode == 'loss'), mode=mode)


def predict(model, rescale=True, seed=0):
    model.eval()
    data = model.data_preprocessor(unlabelled_batch(SIZES, ORIGINAL_SIZES, seed))
    with torch.no_grad():
        return model.predict(data['inputs'], data['data_samples'], rescale=rescale)


def without_branches(**changes):
    return changed(PANOPTIC, semantic_head=None, fusion_head=None, **changes)


def test_without_the_branch_it_equals_solo():
    solo, panoptic = build(SOLO), build(without_branches())
    panoptic.load_state_dict(solo.state_dict(), strict=True)
    assert list(panoptic.state_dict()) == list(solo.state_dict())
    expected = run(solo, training_batch([3, 5], SIZES), 'loss')
    losses = run(panoptic, training_batch([3, 5], SIZES), 'loss')
    assert losses.keys() == expected.keys()
    torch.testing.assert_close(losses, expected)
    for sample, reference in zip(predict(panoptic), predict(solo), strict=True):
        assert sample.keys() == reference.keys() and len(sample.pred_instances) > 3
        for key, value in reference.pred_instances.items():
            assert torch.equal(sample.pred_instances[key], value)


@pytest.mark.parametrize('config', [PANOPTIC, changed(PANOPTIC, mask_head=None, fusion_head=None)])
@pytest.mark.parametrize(('counts', 'void_only'), [([3, 5], False), ([0, 4], False), ([0, 0], False), ([0, 0], True)])
def test_every_parameter_learns(config, counts, void_only):
    model = build(config)
    losses = run(model, training_batch(counts, SIZES, void_only), 'loss')
    names = {'loss_semantic'} if model.mask_head is None else {'loss_mask', 'loss_cls', 'loss_semantic'}
    assert losses.keys() == names
    assert (losses['loss_semantic'] == 0) == void_only
    total, _ = model.parse_losses(losses)
    total.backward()
    assert torch.isfinite(total)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def test_images_whose_maps_are_single_pixels():
    model = build(PANOPTIC)
    batch = training_batch([1, 1], [(32, 32), (20, 9)])
    total, _ = model.parse_losses(model(**model.data_preprocessor(batch, training=True), mode='loss'))
    total.backward()
    assert torch.isfinite(total)
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters() if parameter.grad is not None)


def test_losses_are_those_of_the_heads():
    model = build(PANOPTIC)
    model.eval()
    data = model.data_preprocessor(training_batch([3, 5], SIZES), training=True)
    x, samples = model.extract_feat(data['inputs']), data['data_samples']
    expected = {**model.mask_head.loss(x, samples), **model.semantic_head.loss(x, samples)}
    torch.testing.assert_close(dict(model.loss(data['inputs'], samples)), expected)


def test_features_are_computed_once(monkeypatch):
    model = build(PANOPTIC)
    calls = []
    monkeypatch.setattr(model.backbone, 'forward', lambda x, f=model.backbone.forward: calls.append(0) or f(x))
    run(model, training_batch([3, 5], SIZES), 'loss')
    assert len(calls) == 1
    predict(model)
    assert len(calls) == 2


@pytest.mark.parametrize('rescale', [True, False])
@pytest.mark.parametrize('unclaimed', ['void', 'stuff'])
def test_results_have_the_size_of_the_image_and_fit_together(rescale, unclaimed):
    few = dict(max_per_img=2)
    samples = predict(build(changed(PANOPTIC, test_cfg=few, fusion_head=dict(unclaimed=unclaimed))), rescale)
    for sample, size in zip(samples, ORIGINAL_SIZES if rescale else SIZES, strict=True):
        instances, panoptic = sample.pred_instances, sample.pred_panoptic_seg
        assert instances.masks.shape[1:] == size
        labels, values = sample.pred_sem_seg.sem_seg, panoptic.sem_seg
        assert labels.shape == values.shape == (1, *size)
        assert labels.dtype == values.dtype == torch.int64
        assert labels.min() >= 0 and labels.max() < THINGS + STUFF
        infos = panoptic.segments_info
        void = {THINGS + STUFF} & set(values.unique().tolist())
        assert {info['id'] for info in infos} | void == set(values.unique().tolist())
        for info in infos:
            check_segment(info, values[0] == info['id'], instances)
    assert {info['isthing'] for sample in samples for info in sample.pred_panoptic_seg.segments_info} == {True, False}


def check_segment(info, mask, instances):
    ys, xs = mask.nonzero(as_tuple=True)
    assert info['area'] == len(ys)
    x, y, width, height = info['bbox']
    assert [x, y, x + width, y + height] == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
    assert info['category'] == info['id'] % 1000
    assert info['isthing'] == (info['category'] < THINGS) == (info['id'] >= 1000)
    if info['isthing']:
        (index,) = (instances.scores == info['score']).nonzero().flatten().tolist()
        assert instances.labels[index] == info['category'] and (instances.masks[index] | ~mask).all()
    else:
        assert info['score'] is None


def test_settings_of_the_fusion_reach_it():
    settings = dict(
        score_thr=0.12, min_visible=0.3, min_thing_area=15, min_stuff_area=60, min_agreement=0.1, unclaimed='stuff'
    )
    model = build(changed(PANOPTIC, fusion_head=settings))
    batch = model.data_preprocessor(unlabelled_batch(SIZES, ORIGINAL_SIZES))
    for sample in predict(model):
        semantic = model.semantic_head.predict(
            model.eval().extract_feat(batch['inputs']), [s.metainfo for s in batch['data_samples']], rescale=True
        )[sample.img_id]
        found = sample.pred_instances
        expected, _ = fuse_panoptic(
            found.masks,
            found.scores,
            found.labels,
            semantic.labels,
            num_things=THINGS,
            num_stuff=STUFF,
            stuff_map=semantic.stuff,
            **settings,
        )
        assert torch.equal(sample.pred_panoptic_seg.sem_seg[0], expected)


@pytest.mark.parametrize('stuff_instances', [True, False])
def test_stuff_of_islands_or_of_the_semantic_branch_alone(stuff_instances):
    torch.manual_seed(0)
    changes = dict(mask_head=dict(num_classes=THINGS + STUFF), fusion_head=dict(stuff_instances=stuff_instances))
    different = things = 0
    for sample in predict(build(changed(PANOPTIC, **changes))):
        panoptic, semantic = sample.pred_panoptic_seg.sem_seg, sample.pred_sem_seg.sem_seg
        stuff = (panoptic >= THINGS) & (panoptic < THINGS + STUFF)
        different += (panoptic != semantic)[stuff].sum()
        things += (panoptic >= INSTANCE_OFFSET).sum()
    assert things > 0 and (different > 0) == stuff_instances


def slow_vote(found, semantic_map, min_vote):
    """Indices and labels that a vote leaves, of instances by falling score."""
    labels = majority_labels(found.masks, found.labels, semantic_map, num_things=THINGS, min_vote=min_vote).tolist()
    kept = []
    for index in found.scores.sort(descending=True, stable=True).indices.tolist():
        rivals = [
            other for other in kept if labels[other] == labels[index] and found.labels[other] != found.labels[index]
        ]
        both = [(found.masks[index] & found.masks[other]).sum() for other in rivals]
        either = [(found.masks[index] | found.masks[other]).sum() for other in rivals]
        if not any(a / b > 0.5 for a, b in zip(both, either, strict=True)):
            kept.append(index)
    return kept, [labels[index] for index in kept]


@pytest.mark.parametrize('classes', [THINGS, THINGS + STUFF])
def test_instances_take_the_class_that_the_semantic_branch_votes_for(classes):
    """With islands of stuff among the instances too: these keep their class."""
    torch.manual_seed(0)
    changes = dict(mask_head=dict(num_classes=classes), test_cfg=dict(max_per_img=60))
    model = build(changed(PANOPTIC, fusion_head=dict(min_vote=0.2), **changes))
    voted, fusion, model.fusion_head = predict(model), model.fusion_head, None
    relabelled = dropped = 0
    for sample, before in zip(voted, predict(model), strict=True):
        found, own = sample.pred_instances, before.pred_instances
        kept, labels = slow_vote(own, before.pred_sem_seg.sem_seg[0], fusion.min_vote)
        things = [place for place, label in enumerate(labels) if label < THINGS]
        indices = [kept[place] for place in things]
        assert found.labels.tolist() == [labels[place] for place in things]
        assert torch.equal(found.masks, own.masks[indices]) and torch.equal(found.scores, own.scores[indices])
        relabelled += (found.labels != own.labels[indices]).sum()
        dropped += len(own) - len(kept)
        for info in sample.pred_panoptic_seg.segments_info:
            check_segment(info, sample.pred_panoptic_seg.sem_seg[0] == info['id'], found)
    assert relabelled > 0 and dropped > 0


@pytest.mark.parametrize('classes', [THINGS, THINGS + STUFF])
def test_the_semantic_branch_has_a_share_in_the_scores_of_things(classes):
    torch.manual_seed(0)
    model = build(changed(PANOPTIC, mask_head=dict(num_classes=classes), fusion_head=dict(semantic_share=0.25)))
    corrected, fusion = predict(model), model.fusion_head
    fusion.semantic_share = 0.0
    with torch.no_grad():
        data = model.data_preprocessor(unlabelled_batch(SIZES, ORIGINAL_SIZES, 0))
        metas = [sample.metainfo for sample in data['data_samples']]
        maps = model.semantic_head.predict(model.extract_feat(data['inputs']), metas, rescale=True)
    for sample, before, semantic in zip(corrected, predict(model), maps, strict=True):
        found, own = sample.pred_instances, before.pred_instances
        means = mean_mask_probabilities(own.masks, semantic.logits.softmax(dim=0))
        scores = own.scores**0.75 * means[torch.arange(len(own)), own.labels] ** 0.25
        assert len(found) > 1 and (found.scores != own.scores).any()
        torch.testing.assert_close(found.scores, scores.sort(descending=True).values)
        assert torch.equal(found.masks, own.masks[scores.argsort(descending=True, stable=True)])


def test_a_vote_without_instances():
    for share in (0, 0.5):
        changes = dict(test_cfg=dict(score_thr=0.9999), fusion_head=dict(min_vote=0.2, semantic_share=share))
        for sample in predict(build(changed(PANOPTIC, **changes))):
            assert len(sample.pred_instances) == 0


@pytest.mark.parametrize(
    ('config', 'parts'),
    [
        (without_branches(), {'pred_instances'}),
        (changed(PANOPTIC, fusion_head=None), {'pred_instances', 'pred_sem_seg'}),
        (changed(PANOPTIC, mask_head=None, fusion_head=None), {'pred_sem_seg'}),
        (PANOPTIC, {'pred_instances', 'pred_sem_seg', 'pred_panoptic_seg'}),
        (changed(PANOPTIC, mask_head=None, **WITHOUT_THINGS), {'pred_sem_seg', 'pred_panoptic_seg'}),
    ],
)
def test_each_head_adds_its_part(config, parts):
    model = build(config)
    for sample in predict(model):
        assert {key for key in sample.keys() if key.startswith('pred')} == parts  # noqa: SIM118
    outputs = run(model, unlabelled_batch(SIZES, ORIGINAL_SIZES), 'tensor')
    assert len(outputs) == ('pred_instances' in parts) + ('pred_sem_seg' in parts)


def test_stuff_alone_is_fused_without_a_mask_head():
    config = changed(changed(PANOPTIC, mask_head=None, **WITHOUT_THINGS), fusion_head=dict(min_stuff_area=0))
    for sample in predict(build(config)):
        assert torch.equal(sample.pred_panoptic_seg.sem_seg, sample.pred_sem_seg.sem_seg)
        assert len(sample.pred_panoptic_seg.segments_info) == len(sample.pred_sem_seg.sem_seg.unique())


def test_without_instances_there_is_stuff():
    for sample in predict(build(changed(PANOPTIC, test_cfg=dict(score_thr=0.9999)))):
        assert len(sample.pred_instances) == 0
        assert all(not info['isthing'] for info in sample.pred_panoptic_seg.segments_info)


def test_islands_of_stuff_that_are_instances_become_stuff():
    changes = dict(mask_head=dict(num_classes=THINGS + STUFF))
    unfused = predict(build(changed(PANOPTIC, **changes, fusion_head=None)))
    assert all((sample.pred_instances.labels >= THINGS).any() for sample in unfused)
    for sample in predict(build(changed(PANOPTIC, **changes))):
        assert (sample.pred_instances.labels < THINGS).all()
        values = sample.pred_panoptic_seg.sem_seg.unique()
        assert (values[values >= 1000] % 1000 < THINGS).all()


def test_merged_things_get_the_class_of_their_instance():
    """Where there is none, the best class of stuff."""
    semantic = SemanticMaps(torch.tensor([[VOID, VOID, 5, 6]]), torch.tensor([[4, 5, 5, 6]]), torch.zeros(7, 1, 1))
    assert name_unknown_things(semantic, torch.tensor([[2003, 7, 1001, 6]])).tolist() == [[3, 5, 5, 6]]
    assert name_unknown_things(semantic, None).tolist() == [[4, 5, 5, 6]]
    model = build(changed(PANOPTIC, semantic_head=dict(merge_things=True)))
    labels = torch.cat([sample.pred_sem_seg.sem_seg.flatten() for sample in predict(model)])
    assert 0 <= labels.min() < THINGS <= labels.max() < THINGS + STUFF


def test_mixed_precision_on_the_cpu():
    model = build(PANOPTIC)
    with torch.autocast('cpu', torch.bfloat16):
        losses = run(model, training_batch([3, 0], SIZES), 'loss')
        samples = predict(model)
    assert all(torch.isfinite(loss) and loss.dtype == torch.float32 for loss in losses.values())
    assert all(sample.pred_panoptic_seg.segments_info for sample in samples)


def test_mmdet_draws_the_results():
    classes = tuple('abcdefg')
    visualizer = DetLocalVisualizer()
    visualizer.dataset_meta = dict(classes=classes, palette=[(30 * i, 200 - 20 * i, 90) for i in range(len(classes))])
    for sample, size in zip(predict(build(PANOPTIC)), ORIGINAL_SIZES, strict=True):
        image = np.full((*size, 3), 128, np.uint8)
        visualizer.add_datasample('sample', image, sample, draw_gt=False, pred_score_thr=0.1)
        assert (visualizer.get_image() != image).any()


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(mask_head=None, semantic_head=None, fusion_head=None), 'no head: set model.mask_head'),
        (dict(semantic_head=None), 'fusion_head needs model.mask_head and model.semantic_head'),
        (dict(mask_head=None), 'fusion_head needs model.mask_head and model.semantic_head'),
        (
            dict(fusion_head=dict(num_stuff=9)),
            'num_things = 4, num_stuff = 3, but model.fusion_head has 4 and 9',
        ),
        (dict(mask_head=dict(num_classes=5)), r'mask_head.num_classes = 5, but should be the 4 .* or 7'),
        (
            dict(semantic_head=dict(merge_things=True), fusion_head=dict(min_agreement=0.1)),
            'min_agreement compares .*merge_things=True',
        ),
        (
            dict(semantic_head=dict(merge_things=True), fusion_head=dict(min_vote=0.1)),
            'min_vote compares .*merge_things=True',
        ),
        (
            dict(semantic_head=dict(merge_things=True), fusion_head=dict(semantic_share=0.5)),
            'semantic_share compares .*merge_things=True',
        ),
        (dict(mask_head=dict(num_classes=5), fusion_head=None), 'mask_head.num_classes = 5'),
        (dict(mask_head=dict(num_classes=0), **WITHOUT_THINGS), 'leave model.mask_head out'),
    ],
)
def test_heads_that_do_not_fit_are_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        build(changed(PANOPTIC, **changes))


def test_unknown_rule_is_named_at_construction():
    with pytest.raises(ValueError, match="'guess'"):
        build(changed(PANOPTIC, fusion_head=dict(unclaimed='guess')))
    with pytest.raises(ValueError, match='min_vote is a fraction from 0 to 1, not 30'):
        build(changed(PANOPTIC, fusion_head=dict(min_vote=30)))
