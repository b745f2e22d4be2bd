"""Decoupled SOLO's light head, with masks of the chosen cells only."""

from __future__ import annotations

from mmdet.models import DecoupledSOLOLightHead
from mmdet.registry import MODELS
from torch import nn

from .sparse_decoupled_solo_head import SparseDecoupledSOLOHead


@MODELS.register_module()
class SparseDecoupledSOLOLightHead(SparseDecoupledSOLOHead, DecoupledSOLOLightHead):
    """Decoupled SOLO head whose columns and rows share a tower.

    A drop-in for mmdet's ``DecoupledSOLOLightHead``, in the sense of :class:`SparseDecoupledSOLOHead`.

    Args:
        *args: Arguments of mmdet's ``DecoupledSOLOLightHead``.
        dcn_cfg: Deformable convolution for the last layer of the towers, such as ``dict(type='DCNv2')``.
        **kwargs: Arguments of mmdet's ``DecoupledSOLOLightHead`` and of :class:`SparseDecoupledSOLOHead`.
    """

    tower_axes = ('xy',)

    def mask_towers(self) -> list[nn.ModuleList]:
        """List the one tower."""
        return [self.mask_convs]
