"""What ``solo_head.py`` measures: heads, their inputs and steps of training and testing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import numpy as np
import torch
from mmdet.models import SOLOHead
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.hub import get_config
from mmengine.structures import InstanceData

from mmdet_panseg.models import SparseSOLOHead
from mmdet_panseg.ops import suppress_non_peaks

CONFIGS = {
    'solo': 'solo/solo_r50_fpn_1x_coco.py',
    'decoupled': 'solo/decoupled-solo_r50_fpn_1x_coco.py',
    'decoupled-light': 'solo/decoupled-solo-light_r50_fpn_3x_coco.py',
    'solov2': 'solov2/solov2_r50_fpn_1x_coco.py',
}
"""mmdet's published settings of each head."""
CONTESTANTS = ('floor', 'sparse', 'mmdet')
MODES = ('train', 'test-few', 'test-many')
FEW = 100
MANY = 30000
"""Pairs of a cell and a class above the score threshold."""
MANY_PIXELS = 512 * 832
"""Images with more pixels than these have fewer than ``MANY``, as mmdet's memory grows with both."""


def features(height: int, width: int, device: str) -> list[torch.Tensor]:
    """Random pyramid at strides 4 to 64, the same at every call."""
    torch.manual_seed(1)
    return [
        torch.randn(1, 256, -(-height // stride), -(-width // stride), device=device) for stride in (4, 8, 16, 32, 64)
    ]


def objects(count: int, height: int, width: int, device: str) -> DetDataSample:
    """Ellipses with log-uniform sizes from 8 pixels to half of the image."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    masks = np.zeros((count, height, width), np.uint8)
    for mask in masks:
        radius = np.exp(rng.uniform(np.log(4), np.log(height / 4), 2))
        center = rng.uniform(radius, np.array([height, width]) - radius)
        mask[((rows - center[0]) / radius[0]) ** 2 + ((columns - center[1]) / radius[1]) ** 2 <= 1] = 1
    bitmap = BitmapMasks(masks, height, width)
    sample = DetDataSample()
    sample.set_metainfo(dict.fromkeys(('img_shape', 'ori_shape', 'batch_input_shape'), (height, width)))
    sample.gt_instances = InstanceData(
        bboxes=bitmap.get_bboxes('hbox').tensor.to(device),
        labels=torch.from_numpy(rng.integers(0, 80, count)).to(device),
        masks=bitmap,
    )
    return sample


def published_model(name: str) -> ConfigDict:
    """Read a head's settings from mmdet; reading them takes longer than building it."""
    return get_config(f'mmdet::{CONFIGS[name]}').model


def build(model: ConfigDict, contestant: str, class_bias: float, device: str) -> SOLOHead:
    """Build a head with weights that give masks of all kinds; the floor's is the sparse one."""
    kind = model.mask_head.type if contestant == 'mmdet' else f'Sparse{model.mask_head.type}'
    torch.manual_seed(0)
    head = MODELS.build({**model.mask_head, 'type': kind, 'test_cfg': model.test_cfg}).to(device)
    convolutions = {path: module for path, module in head.named_modules() if isinstance(module, torch.nn.Conv2d)}
    for convolution in convolutions.values():
        torch.nn.init.normal_(convolution.weight, std=0.02)
        if convolution.bias is not None:
            torch.nn.init.zeros_(convolution.bias)
    for path, convolution in convolutions.items():
        if path.startswith('conv_mask_list'):
            torch.nn.init.normal_(convolution.weight, std=0.1)
        if path.startswith(('conv_mask_list_x', 'conv_mask_list_y')):
            # The product of two probabilities is above one half where both are high.
            torch.nn.init.ones_(convolution.bias)
        if path == 'conv_kernel':
            # Mask features are positive: kernels that do not sum to zero would fill the whole image, or nothing.
            convolution.weight.data.sub_(convolution.weight.mean(dim=0)).mul_(0.2)
    torch.nn.init.constant_(head.conv_cls.bias, class_bias)
    return head


@torch.no_grad()
def class_bias(model: ConfigDict, mode: str, pyramid: list[torch.Tensor], device: str) -> float:
    """Bias of the class logits with which as many local maxima as the mode asks for are above the score threshold."""
    pixels = pyramid[0].shape[-2] * pyramid[0].shape[-1] * 16
    candidates = min(MANY, MANY * MANY_PIXELS // pixels) if mode == 'test-many' else FEW
    head: SparseSOLOHead = build(model, 'sparse', 0.0, device)
    logits = [head.class_logits(feature, level) for level, feature in enumerate(head.align(pyramid).levels)]
    peaks = torch.cat([suppress_non_peaks(level.sigmoid()).flatten() for level in logits])
    threshold = peaks.topk(candidates + 1).values[-1].clamp(min=1e-6)
    return (torch.tensor(model.test_cfg.score_thr).logit() - threshold.cpu().logit()).item()


Step = Callable[[SOLOHead, list[torch.Tensor], DetDataSample], dict[str, float]]
"""Runs a head and gives figures in which the contestants must agree."""


def step_of(contestant: str, mode: str) -> Step:
    """Give the step that a contestant runs in a mode."""
    if contestant == 'floor':
        return floor_train_step if mode == 'train' else floor_test_step
    return train_step if mode == 'train' else test_step


def train_step(head: SOLOHead, pyramid: list[torch.Tensor], sample: DetDataSample) -> dict[str, float]:
    """Forward, targets, loss and backward."""
    losses = head.loss(_leaves(head, pyramid), [copy.copy(sample)])
    sum(losses.values()).backward()
    return {name: loss.item() for name, loss in losses.items()}


def floor_train_step(head: SparseSOLOHead, pyramid: list[torch.Tensor], sample: DetDataSample) -> dict[str, float]:
    """Forward, and backward of given gradients; no masks at all."""
    outputs = list(_tensors(head(_leaves(head, pyramid))))
    torch.autograd.backward(outputs, [output.detach() for output in outputs])
    return {}


@torch.no_grad()
def test_step(head: SOLOHead, pyramid: list[torch.Tensor], sample: DetDataSample) -> dict[str, float]:
    """Masks, scores and suppression at the size of the image."""
    return dict(instances=len(head.predict(tuple(pyramid), [sample], rescale=True)[0]))


@torch.no_grad()
def floor_test_step(head: SparseSOLOHead, pyramid: list[torch.Tensor], sample: DetDataSample) -> dict[str, float]:
    """Forward alone."""
    head(tuple(pyramid))
    return {}


def _leaves(head: SOLOHead, pyramid: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Start a training step: inputs that need gradients, and no gradients yet."""
    head.zero_grad(set_to_none=True)
    return tuple(feature.detach().requires_grad_() for feature in pyramid)


def _tensors(nested: torch.Tensor | tuple | list) -> Iterator[torch.Tensor]:
    """Tensors of nested lists and tuples."""
    if isinstance(nested, torch.Tensor):
        yield nested
    else:
        for part in nested:
            yield from _tensors(part)
