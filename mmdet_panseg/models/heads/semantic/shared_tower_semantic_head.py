"""Semantic branch on SOLO's mask tower."""

from __future__ import annotations

from collections.abc import Sequence

from mmcv.cnn import ConvModule
from mmdet.registry import MODELS
from mmdet.utils import ConfigType
from torch import Tensor, nn
from torch.nn import functional as F

from mmdet_panseg.errors import ConfigError

from .semantic_head import SemanticHead, fitting_norm


@MODELS.register_module()
class SharedTowerSemanticHead(SemanticHead):
    """Classify pixels by the features of the mask tower, which learns for masks and classes.

    That is the one mask tower of ``SparseSOLOHead``, or the mask features of ``SparseSOLOV2Head``.

    The tower's features of all levels are resized bilinearly to the finest level's size and summed, as in
    :class:`SemanticFPNHead`; a 1×1 convolution with norm and ReLU follows, and one that classifies. The head has no
    3×3 convolutions of its own. Its logits have the stride of the mask tower's finest level: 8 with ``SparseSOLOHead``,
    4 with its ``mask_upsample='before'`` and with ``SparseSOLOV2Head``, as the separate branch.

    ``PanopticSOLO`` runs the tower once for this head and the mask head, on all levels and images: the mask head alone
    would run it only where there are objects.

    Args:
        num_things: Number of thing classes T.
        num_stuff: Number of stuff classes S.
        in_channels: Channels of the mask tower: ``feat_channels`` of the mask head, or ``out_channels`` of its mask
            features.
        channels: Channels between the two convolutions.
        finest_stride: Stride of the mask tower's finest level in pixels of the input.
        norm_cfg: Norm layer, see :func:`fitting_norm`.
        **kwargs: Arguments of :class:`SemanticHead`: ``merge_things``, ``loss_semantic``, ``loss_dice``,
            ``loss_stride``, ``memory_budget``, ``init_cfg``.
    """

    # Tells the detector what to compute the logits from.
    needs_mask_features = True

    def __init__(
        self,
        num_things: int,
        num_stuff: int,
        in_channels: int,
        channels: int = 128,
        finest_stride: int = 8,
        norm_cfg: ConfigType | None = None,
        **kwargs,
    ) -> None:
        super().__init__(num_things, num_stuff, stride=finest_stride, **kwargs)
        self.in_channels = in_channels
        self.conv = ConvModule(in_channels, channels, 1, norm_cfg=fitting_norm(norm_cfg, channels))
        self.conv_logits = nn.Conv2d(channels, self.out_channels, 1)

    def forward(self, x: Sequence[Tensor]) -> Tensor:
        """Compute the logits of a batch.

        Args:
            x: Features of the mask tower from fine to coarse, each ``(B, C, h_l, w_l)``.

        Returns:
            Logits, shape ``(B, out_channels, h_0, w_0)``.
        """
        total = x[0]
        for features in x[1:]:
            total = total + F.interpolate(features, size=total.shape[-2:], mode='bilinear')
        return self.conv_logits(self.conv(total))

    def check_mask_head(self, mask_head: nn.Module | None) -> None:
        """Make sure that a mask head has a tower that fits.

        Args:
            mask_head: The detector's mask head; None if it has none.

        Raises:
            ConfigError: If there is not one tower, or channels or stride differ from this head's.
        """
        tower = getattr(mask_head, 'shared_tower', None)
        if tower is None:
            kind = type(mask_head).__name__ if mask_head is not None else 'None'
            raise ConfigError(
                f'model.semantic_head.type={type(self).__name__!r} shares the mask tower of SparseSOLOHead or '
                f'SparseSOLOV2Head, but model.mask_head is {kind}: take one of them, or SemanticFPNHead as '
                'model.semantic_head'
            )
        for key, found, expected in (
            ('in_channels', self.in_channels, tower.channels),
            ('finest_stride', self.stride, tower.stride),
        ):
            if found != expected:
                raise ConfigError(
                    f'model.semantic_head.{key} = {found}, but the mask tower of model.mask_head gives {expected}: '
                    'set that'
                )
