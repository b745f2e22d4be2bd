"""What a model finds in one view of an image, with soft masks as far as it has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmdet.structures import DetDataSample, SampleList
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmdet_panseg.errors import ConfigError
from mmdet_panseg.models.detectors.panoptic_solo import PanopticSOLO
from mmdet_panseg.models.heads.aligned_pyramid import AlignedPyramid
from mmdet_panseg.models.heads.cell_masks.soft_instances import SoftInstances
from mmdet_panseg.models.heads.sparse_solo_head import SparseSOLOHead
from mmdet_panseg.ops import ViewMaps


class ViewPrediction(NamedTuple):
    """Prediction for a view.

    Attributes:
        sample: The view's sample, as its pipeline gives it.
        instances: What was found; None for a model without instances.
        boxes: Boxes of the instances in the view, in pixels of the image, shape ``(N, 4)``, where they do not follow
            from the masks.
        semantic: Logits of the classes; None for a model without them.
    """

    sample: DetDataSample
    instances: SoftInstances | None = None
    boxes: Tensor | None = None
    semantic: ViewMaps | None = None


def predict_view(module: nn.Module, inputs: Tensor, samples: SampleList) -> list[ViewPrediction]:
    """Predict a batch whose images are all the same kind of view.

    Args:
        module: Detector.
        inputs: Images, shape ``(B, 3, H, W)``.
        samples: Their samples, with ``img_shape``, ``ori_shape`` and, if they are mirrored, ``flip`` and
            ``flip_direction``.

    Returns:
        Prediction per image.

    Raises:
        ConfigError: If the model predicts what cannot be merged.
    """
    if isinstance(module, PanopticSOLO):
        found = _predict_panoptic(module, inputs, samples)
    elif isinstance(getattr(module, 'mask_head', None), SparseSOLOHead):
        instances = module.mask_head.predict_soft(module.extract_feat(inputs), samples)
        found = [ViewPrediction(*pair) for pair in zip(samples, instances, strict=True)]
    else:
        found = _predict_finished(module, inputs, samples)
    return [_mirrored(view) for view in found]


def _predict_panoptic(module: PanopticSOLO, inputs: Tensor, samples: SampleList) -> list[ViewPrediction]:
    mask_input, semantic_input = module.head_inputs(module.extract_feat(inputs))
    found = [ViewPrediction(sample) for sample in samples]
    if module.mask_head is not None:
        instances = _instances_of(module.mask_head, mask_input, samples)
        found = [view._replace(instances=own) for view, own in zip(found, instances, strict=True)]
    if module.semantic_head is not None:
        logits = module.semantic_head.predict_logits(semantic_input, [sample.metainfo for sample in samples])
        found = [view._replace(semantic=own) for view, own in zip(found, logits, strict=True)]
    return found


def _instances_of(
    head: nn.Module, x: Sequence[Tensor] | AlignedPyramid, samples: SampleList
) -> Sequence[SoftInstances]:
    if isinstance(head, SparseSOLOHead):
        return head.predict_soft(x, samples)
    # mmdet's own head of SOLO
    return [_soft(instances) for instances in head.predict(x, samples, rescale=True)]


def _predict_finished(module: nn.Module, inputs: Tensor, samples: SampleList) -> list[ViewPrediction]:
    """Let another model predict, which brings its masks to the size of the image itself."""
    rcnn = getattr(getattr(module, 'roi_head', None), 'test_cfg', None) or {}
    threshold = rcnn.get('mask_thr_binary', -1)
    if threshold >= 0:
        # mmdet then gives probabilities as bytes.
        rcnn['mask_thr_binary'] = -1
    try:
        samples = module.predict(inputs, samples)
    finally:
        if threshold >= 0:
            rcnn['mask_thr_binary'] = threshold
    return [_of_finished(sample, module, threshold if threshold >= 0 else 0.5) for sample in samples]


def _of_finished(sample: DetDataSample, module: nn.Module, threshold: float) -> ViewPrediction:
    instances = sample.get('pred_instances')
    if instances is None or 'masks' not in instances or 'pred_panoptic_seg' in sample:
        raise ConfigError(
            f'--tta: {type(module).__name__} predicts no instances with masks, or a panoptic map that is fused '
            'already, and PanopticTTAModel merges instances and semantic logits; test this model without --tta, or '
            'name a tta_model for it.'
        )
    del sample.pred_instances
    return ViewPrediction(sample, _soft(instances, threshold), instances.bboxes)


def _soft(instances: InstanceData, threshold: float = 0.5) -> SoftInstances:
    """Take finished masks, binary or bytes, as probabilities."""
    maps = ViewMaps(torch.as_tensor(instances.masks), 1, tuple(instances.masks.shape[-2:]))
    return SoftInstances(instances.scores, instances.labels, maps, threshold)


def _mirrored(view: ViewPrediction) -> ViewPrediction:
    """Tell the maps of a view how it is mirrored."""
    meta = view.sample.metainfo
    flip = meta.get('flip_direction') if meta.get('flip') else None
    instances, semantic = view.instances, view.semantic
    if instances is not None:
        instances = instances._replace(masks=instances.masks._replace(flip=flip))
    if semantic is not None:
        semantic = semantic._replace(flip=flip)
    return view._replace(instances=instances, semantic=semantic)
