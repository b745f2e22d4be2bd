"""Put a sparse head in the place of mmdet's head of a trained model, and prove that nothing else changes."""

from __future__ import annotations

import copy

import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.structures import InstanceData
from torch import nn

from mmdet_panseg.errors import ConfigError

SPARSE_HEADS = {
    'SOLOHead': 'SparseSOLOHead',
    'DecoupledSOLOHead': 'SparseDecoupledSOLOHead',
    'DecoupledSOLOLightHead': 'SparseDecoupledSOLOLightHead',
    'SOLOV2Head': 'SparseSOLOV2Head',
}
_SIZE = (96, 128)
# Heads that have learnt much find little in noise: the threshold falls until there is something to compare.
_SCORE_THRESHOLDS = (0.1, 1e-2, 1e-3, 1e-4, 1e-6, 0.0)
_ENOUGH = 3
_SCORE_TOLERANCE = 1e-6
# Pixels whose probability is the threshold's but for rounding.
_DIFFERING_PIXELS = 1e-4


def use_sparse_head(model: nn.Module, config: Config) -> None:
    """Swap the head of mmdet's SOLO family for the sparse one with the same weights.

    Both heads see the features of a small random image, in float64, and must find the same.

    Args:
        model: Trained model, in evaluation mode, changed in place.
        config: Its config.

    Raises:
        ConfigError: If the model has no such head, or the sparse one does not fit its weights or finds something else.
    """
    stock = getattr(model, 'mask_head', None)
    name = type(stock).__name__
    if name in SPARSE_HEADS.values():
        return
    if name not in SPARSE_HEADS:
        raise ConfigError(
            f'sparse=True: {type(model).__name__} has {name if stock is not None else "no mask_head"}; it is for '
            f'{", ".join(SPARSE_HEADS)}: leave it out.'
        )
    sparse = build_sparse_head(config, SPARSE_HEADS[name])
    try:
        sparse.load_state_dict(stock.state_dict(), strict=True)
    except RuntimeError as error:
        raise ConfigError(f'sparse=True: {SPARSE_HEADS[name]} does not fit the weights of {name}: {error}') from error
    sparse = sparse.to(next(stock.parameters()).device).eval()
    require_same_results(model, stock, sparse)
    model.mask_head = sparse


def build_sparse_head(config: Config, name: str) -> nn.Module:
    """Build the sparse head with the arguments that a config has for mmdet's."""
    settings = {key: config.model.get(key) for key in ('train_cfg', 'test_cfg')}
    return MODELS.build({**config.model.mask_head, **settings, 'type': name})


@torch.no_grad()
def require_same_results(model: nn.Module, stock: nn.Module, sparse: nn.Module) -> None:
    """Compare what two heads find in a random image.

    Args:
        model: The model whose backbone and neck give the features.
        stock: mmdet's head.
        sparse: The head to compare with it.

    Raises:
        ConfigError: If scores, classes or masks differ.
    """
    device = next(model.parameters()).device
    # MPS has no float64.
    device = torch.device('cpu') if device.type == 'mps' else device
    noise = torch.randn(1, 3, *_SIZE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    features = copy.deepcopy(model).to(device).double().extract_feat(noise.to(device))
    sample = DetDataSample(metainfo=dict(img_shape=_SIZE, ori_shape=_SIZE, batch_input_shape=_SIZE, pad_shape=_SIZE))
    heads = [copy.deepcopy(head).to(device).double() for head in (stock, sparse)]
    for threshold in _SCORE_THRESHOLDS:
        for head in heads:
            head.test_cfg = copy.deepcopy(head.test_cfg)
            head.test_cfg.update(score_thr=threshold, filter_thr=0.0, nms_pre=50, max_per_img=20)
        expected, found = (head.predict(features, [sample], rescale=True)[0] for head in heads)
        if len(expected.scores) > _ENOUGH:
            break
    fault = _difference(expected, found)
    if fault:
        raise ConfigError(
            f'sparse=True: {type(sparse).__name__} does not find what {type(stock).__name__} finds in a random image: '
            f'{fault}; leave sparse=True out.'
        )


def _difference(expected: InstanceData, found: InstanceData) -> str | None:
    """Say how two results differ, None if they do not."""
    if len(expected.scores) != len(found.scores):
        return f'{len(found.scores)} instances in place of {len(expected.scores)}'
    if len(expected.scores) == 0:
        return 'there is nothing to compare'
    if (expected.scores - found.scores).abs().max() > _SCORE_TOLERANCE:
        return f'scores differ by up to {(expected.scores - found.scores).abs().max():.2g}'
    if not torch.equal(expected.labels, found.labels):
        return 'classes differ'
    differing = (expected.masks != found.masks).double().mean().item()
    return f'{differing:.2%} of the pixels of the masks differ' if differing > _DIFFERING_PIXELS else None
