"""Class and quality of a whole mask, beside those that its cell predicts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmdet.registry import MODELS
from mmdet.utils import ConfigType, OptConfigType, reduce_mean
from mmengine.model import BaseModule, bias_init_with_prob
from torch import Tensor, nn
from torch.nn import functional as F

from mmdet_panseg.models.gt_objects import GTObjects
from mmdet_panseg.models.heads.semantic.semantic_head import fitting_norm
from mmdet_panseg.ops import at_least_float32, best_class_ious, pool_masks

_TARGET_STRIDE = 4


@MODELS.register_module()
class MaskPooledClassifier(BaseModule):
    """Classify masks by the features under them, as a box head classifies regions.

    A cell sees its surroundings through a few convolutions, the mask it predicts only through the loss. Here the
    features of the pyramid are averaged inside, around and along the border of a mask, and two layers tell for each
    class how well the mask fits an object of it: the target is the IoU with the best one, as quality focal loss has it
    (Li et al. 2020). In training the masks are those of some positive cells and of the cells with the best other
    scores, in testing those of the candidates, which are few, so that this costs little.

    Args:
        in_channels: Channels of the pyramid.
        num_classes: Number of classes K.
        feat_channels: Channels of the features that are averaged.
        hidden_channels: Channels of the hidden layer.
        num_positives: Greatest number of positive cells of an image that it learns from.
        num_others: Number of other cells of an image that it learns from.
        min_iou: Masks that fit no object so well are background.
        share: Share in the scores: they become ``cell^(1 - share) * mask^share``.
        loss: Loss of ``(P, K)`` logits against as many IoU.
        norm_cfg: Norm layer; default group norm.

    Raises:
        ValueError: If ``share`` is no fraction.
    """

    target_strides = (_TARGET_STRIDE,)

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        feat_channels: int = 96,
        hidden_channels: int = 128,
        num_positives: int = 64,
        num_others: int = 32,
        min_iou: float = 0.4,
        share: float = 0.5,
        loss: OptConfigType = None,
        norm_cfg: ConfigType | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= share <= 1:
            raise ValueError(f'{type(self).__name__}: share is a fraction from 0 to 1, not {share!r}')
        self.num_classes = num_classes
        self.num_positives = num_positives
        self.num_others = num_others
        self.min_iou = min_iou
        self.share = share
        self.loss_quality = MODELS.build(loss or dict(type='QualityFocalLoss', use_sigmoid=True))
        norm_cfg = fitting_norm(norm_cfg, feat_channels)
        self.conv = ConvModule(in_channels, feat_channels, 3, padding=1, norm_cfg=norm_cfg)
        self.layers = nn.Sequential(
            nn.Linear(3 * feat_channels + 2, hidden_channels),
            nn.LayerNorm(hidden_channels),
            nn.ReLU(inplace=True),
            nn.Linear(hidden_channels, num_classes),
        )

    def init_weights(self) -> None:
        """Initialise the weights; at first every mask is bad."""
        super().init_weights()
        nn.init.constant_(self.layers[-1].bias, bias_init_with_prob(0.1))

    def features(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Add up the first levels of a pyramid at the size of the second.

        Args:
            pyramid: The features as the neck gives them, each ``(B, C, H_l, W_l)``.

        Returns:
            Shape ``(B, feat_channels, H_1, W_1)``.
        """
        size = pyramid[min(1, len(pyramid) - 1)].shape[-2:]
        coarser = [F.interpolate(level, size=size, mode='bilinear') for level in pyramid[1:4]]
        return self.conv(sum(coarser, start=F.adaptive_avg_pool2d(pyramid[0], size)))

    def forward(self, features: Tensor, masks: Tensor) -> Tensor:
        """Rate the masks of an image.

        Args:
            features: Of the image, see :meth:`features`, shape ``(C, h, w)``.
            masks: Probabilities, shape ``(P, H, W)``.

        Returns:
            Logits, shape ``(P, K)``.
        """
        return at_least_float32(self.layers(pool_masks(at_least_float32(features), masks)))

    def combine(self, scores: Tensor, logits: Tensor) -> Tensor:
        """Bring scores of cells and ratings of their masks together, all of the same shape."""
        return scores ** (1 - self.share) * logits.sigmoid() ** self.share

    def choose(self, class_logits: Tensor, positives: Tensor) -> Tensor:
        """Choose the cells of an image to learn from.

        Args:
            class_logits: Of all cells, shape ``(cells, K)``; a softmax's has a channel more.
            positives: Indices of the positive cells, shape ``(P,)``.

        Returns:
            Ascending cells.
        """
        best = class_logits[:, : self.num_classes].detach().amax(dim=1)
        best[positives] = -torch.inf
        others = best.topk(min(self.num_others, len(best) - len(positives))).indices
        drawn = torch.randperm(len(positives), device=positives.device)[: self.num_positives]
        return torch.cat([positives[drawn], others]).sort().values

    def loss(self, features: Tensor, masks: Sequence[Tensor], objects: Sequence[GTObjects]) -> Tensor:
        """Compute the loss of a batch.

        Args:
            features: See :meth:`features`.
            masks: Probabilities of the chosen cells' masks at 1/4 of the input, per image ``(P_b, H, W)``.
            objects: Objects per image.

        Returns:
            Scalar.
        """
        logits = torch.cat([self(*pair) for pair in zip(features, masks, strict=True)])
        targets = torch.cat([self._targets(*pair) for pair in zip(masks, objects, strict=True)])
        return self.loss_quality(logits, targets, avg_factor=reduce_mean(targets.sum()).clamp(min=1))

    @torch.no_grad()
    def _targets(self, masks: Tensor, objects: GTObjects) -> Tensor:
        """IoU with the best object of each class, shape ``(P, K)``."""
        found = masks > 0.5
        ious = masks.new_zeros(len(masks), self.num_classes)
        everything = torch.arange(len(objects.labels), device=masks.device)
        for some, targets in objects.target_chunks(_TARGET_STRIDE, everything, tuple(masks.shape[1:])):
            ious = torch.maximum(ious, best_class_ious(found, targets > 0, objects.labels[some], self.num_classes))
        return F.threshold(ious, self.min_iou, 0.0)
