"""Which models can be exported."""

from __future__ import annotations

from torch import nn

from mmdet_panseg.apis.inference.sparse_swap import SPARSE_HEADS
from mmdet_panseg.models import PanopticSOLO, SparseSOLOHead
from mmdet_panseg.models.heads.cell_masks.suppression import MatrixNMS

from .errors import ExportError

# Coarsest stride of the features: levels of an input whose sides are multiples of it fit each other.
_COARSEST_STRIDE = 32


def require_exportable(model: nn.Module) -> None:
    """Make sure that a model has the parts that can become a graph.

    Args:
        model: The detector.

    Raises:
        ExportError: If it has others.
    """
    head, kind = getattr(model, 'mask_head', None), type(model).__name__
    if head is None and not isinstance(model, PanopticSOLO):
        raise ExportError(
            f'model.type = {kind} cannot be exported: SOLO and PanopticSOLO with heads of mmdet_panseg can; for other '
            'models of mmdet there is mmdeploy.'
        )
    if head is not None:
        _require_exportable_head(head)
    divisor = getattr(model.data_preprocessor, 'pad_size_divisor', 1)
    if divisor % _COARSEST_STRIDE:
        raise ExportError(
            f'model.data_preprocessor.pad_size_divisor = {divisor}, but a graph for all sizes needs a multiple of '
            f'{_COARSEST_STRIDE}: set it to {_COARSEST_STRIDE}.'
        )


def _require_exportable_head(head: nn.Module) -> None:
    kind = type(head).__name__
    if not isinstance(head, SparseSOLOHead):
        remedy = 'take a sparse SOLO head'
        if kind in SPARSE_HEADS:
            remedy = f"set it to '{SPARSE_HEADS[kind]}', which takes the same arguments and the same checkpoint"
        raise ExportError(f'model.mask_head.type = {kind} cannot be exported: {remedy}.')
    if not head.test_cfg:
        raise ExportError('model.test_cfg is missing: a mask head without it predicts nothing.')
    suppression = head.predictor.suppression
    if not isinstance(suppression, MatrixNMS):
        raise ExportError(
            f'model.test_cfg.suppression.type = {type(suppression).__name__} decides one instance after the other, '
            'which a graph cannot: leave test_cfg.suppression out for matrix NMS.'
        )
