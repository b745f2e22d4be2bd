from __future__ import annotations

import copy

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from inference_cases import photograph
from mmdet_panseg.apis.inference import PanopticInferencer
from mmdet_panseg.apis.inference.sparse_swap import SPARSE_HEADS
from mmdet_panseg.engine import ConfigError
from mmdet_panseg.models import SparseDecoupledSOLOHead, SparseSOLOHead, SparseSOLOV2Head
from panoptic_solo_cases import PANOPTIC, SOLO
from solo_v2_cases import V2, fill

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(160, 128), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
CLASSES = ('ant', 'bee', 'cow', 'dog')


def write_mmdet_run(folder, kind, class_bias=-1.0, **overrides):
    """Write a config of mmdet without a word of this package, and a checkpoint with random weights."""
    head = {**copy.deepcopy(SOLO.mask_head), 'type': kind, **overrides}
    if kind == 'SOLOV2Head':
        head['mask_feature_head'] = copy.deepcopy(V2['mask_feature_head'])
    model = {**copy.deepcopy(SOLO), 'mask_head': head}
    dataset = dict(type='CocoDataset', metainfo=dict(classes=CLASSES), pipeline=PIPELINE)
    config = Config(dict(default_scope='mmdet', model=model, test_dataloader=dict(dataset=dataset)))
    config.dump(folder / 'mmdet.py')
    init_default_scope('mmdet')
    torch.manual_seed(0)
    built = MODELS.build(config.model)
    if kind == 'SOLOV2Head':
        fill(built.mask_head, class_bias)
    else:
        for parameter in built.mask_head.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        torch.nn.init.constant_(built.mask_head.conv_cls.bias, class_bias)
    torch.save(dict(state_dict=built.state_dict()), folder / 'weights.pth')
    return folder / 'mmdet.py', folder / 'weights.pth'


@pytest.mark.parametrize('kind', SPARSE_HEADS)
def test_every_head_is_swapped_and_finds_the_same(kind, tmp_path):
    files = write_mmdet_run(tmp_path, kind, class_bias=1.0)
    stock, sparse = (PanopticInferencer(*files, score_thr=0.1, sparse=choice) for choice in (False, True))
    assert type(stock.model.mask_head).__name__ == kind
    assert type(sparse.model.mask_head).__name__ == SPARSE_HEADS[kind]
    assert not sparse.model.mask_head.training and sparse.classes.names == CLASSES
    assert next(sparse.model.parameters()).dtype == torch.float32
    (expected,), (found,) = stock(photograph()), sparse(photograph())
    assert len(expected) >= 2
    assert abs(len(expected) - len(found)) <= 1
    for index in range(min(5, len(expected), len(found))):
        assert found.labels[index] == expected.labels[index]
        assert found.scores[index] == pytest.approx(expected.scores[index], rel=1e-3)
        assert (found.mask_arrays()[index] != expected.mask_arrays()[index]).mean() < 2e-3
    # mmdet gives boxes of zeros.
    assert (expected.boxes[:, 2:] > expected.boxes[:, :2]).all()


def test_a_model_that_finds_next_to_nothing_is_proved_too(tmp_path):
    files = write_mmdet_run(tmp_path, 'SOLOHead', class_bias=-9.0)
    assert isinstance(PanopticInferencer(*files, sparse=True).model.mask_head, SparseSOLOHead)


def test_a_head_with_other_results_is_refused(tmp_path, monkeypatch):
    files = write_mmdet_run(tmp_path, 'DecoupledSOLOHead')
    original = SparseDecoupledSOLOHead.class_logits
    monkeypatch.setattr(
        SparseDecoupledSOLOHead, 'class_logits', lambda self, features, level: original(self, features, level) + 0.01
    )
    with pytest.raises(ConfigError, match='does not find what DecoupledSOLOHead finds.*scores differ'):
        PanopticInferencer(*files, sparse=True)


def test_a_head_with_other_masks_is_refused(tmp_path, monkeypatch):
    files = write_mmdet_run(tmp_path, 'SOLOV2Head')
    original = SparseSOLOV2Head.predict

    def shifted(self, *args, **kwargs):
        results = original(self, *args, **kwargs)
        for result in results:
            result.masks = result.masks.roll(3, dims=2)
        return results

    monkeypatch.setattr(SparseSOLOV2Head, 'predict', shifted)
    with pytest.raises(ConfigError, match='of the pixels of the masks differ'):
        PanopticInferencer(*files, sparse=True)


def test_other_models_are_told(tmp_path):
    from inference_cases import write_run

    write_run(tmp_path / 'semantic', {**PANOPTIC, 'mask_head': None, 'fusion_head': None})
    with pytest.raises(ConfigError, match='sparse=True: PanopticSOLO has no mask_head'):
        PanopticInferencer(tmp_path / 'semantic', sparse=True)
    # What is sparse already stays as it is.
    write_run(tmp_path / 'panoptic')
    assert isinstance(PanopticInferencer(tmp_path / 'panoptic', sparse=True).model.mask_head, SparseSOLOHead)
