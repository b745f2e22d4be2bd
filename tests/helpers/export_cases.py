"""Small models of every family that is exported, and a file that stands for an exported model."""

from __future__ import annotations

import copy
import json

import numpy as np
import torch

import panoptic_solo_cases
from panoptic_solo_cases import PANOPTIC, SOLO, STUFF, THINGS, changed
from solo_v2_cases import NORM, V2

_POOLED = dict(type='MaskPooledClassifier', feat_channels=8, hidden_channels=16, norm_cfg=NORM)
_V2 = dict(
    {key: value for key, value in V2.items() if key != 'test_cfg'},
    type='SparseSOLOV2Head',
    position=dict(type='EllipsePosition'),
    mask_classifier=_POOLED,
    mask_supervision=dict(type='FractionSupervision'),
    loss_mask=dict(type='DiceBCELoss'),
)
_SHARED = dict(
    type='SharedTowerSemanticHead', num_things=THINGS, num_stuff=STUFF, in_channels=6, channels=8, finest_stride=4
)


def _with_head(config, **head):
    config = copy.deepcopy(config)
    config.mask_head = head
    return config


def _decoupled(kind):
    return changed(SOLO, mask_head=dict(type=kind))


FAMILIES = {
    'solo': SOLO,
    'solo with bounded cells': changed(SOLO, test_cfg=dict(max_cells=40, kernel='linear')),
    'decoupled': _decoupled('SparseDecoupledSOLOHead'),
    'decoupled light': _decoupled('SparseDecoupledSOLOLightHead'),
    'solov2 as in the recipes': _with_head(SOLO, **_V2),
    'solov2 with kernels of 3x3': _with_head(
        SOLO, **{**_V2, 'position': None, 'mask_classifier': None, 'dynamic_conv_size': 3}
    ),
    'panoptic': changed(PANOPTIC, fusion_head=dict(unclaimed='stuff')),
    'panoptic with votes and shares': changed(PANOPTIC, fusion_head=dict(min_vote=0.3, semantic_share=0.4)),
    'panoptic with a shared tower': _with_head(PANOPTIC, **_V2),
    'panoptic with merged things': changed(PANOPTIC, semantic_head=dict(merge_things=True)),
    'panoptic with islands of stuff': changed(PANOPTIC, mask_head=dict(num_classes=THINGS + STUFF)),
}
FAMILIES['panoptic with a shared tower'].semantic_head = _SHARED


def smallest(family):
    """The family with three levels, the fewest that differ: one is halved, one stays, one is enlarged."""
    config = copy.deepcopy(FAMILIES[family])
    config.backbone.update(num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(0, 1))
    config.neck.update(in_channels=[8, 16], num_outs=3)
    config.mask_head.update(
        strides=[8] * 3, scale_ranges=((1, 96), (48, 192), (96, 2048)), num_grids=[12, 8, 5], stacked_convs=1
    )
    for part, key in ((config.mask_head, 'mask_feature_head'), (config, 'semantic_head')):
        if key in part and part[key].get('type') != 'SharedTowerSemanticHead':
            part[key] = dict(part[key], end_level=2)
    return config


def build(family, class_bias=-1.0, config=None):
    """A model with random weights, in evaluation mode; a low ``class_bias`` finds nothing."""
    torch.manual_seed(1)
    model = panoptic_solo_cases.build(config or FAMILIES[family])
    torch.nn.init.constant_(model.mask_head.conv_cls.bias, class_bias)
    if hasattr(model.mask_head, 'conv_kernel'):
        torch.nn.init.normal_(model.mask_head.conv_kernel.weight, std=1.0)
    return model.eval()


def write_stand_in(path, outputs, settings):
    """An ONNX file that gives the same outputs for every image."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    scalars = [helper.make_tensor_value_info(name, TensorProto.INT64, []) for name in ('height', 'width')]
    image = helper.make_tensor_value_info('image', TensorProto.FLOAT, [1, 3, 'h', 'w'])
    nodes, infos = [], []
    for name, values in outputs.items():
        tensor = numpy_helper.from_array(np.ascontiguousarray(values), name)
        nodes.append(helper.make_node('Constant', [], [name], value=tensor))
        infos.append(helper.make_tensor_value_info(name, tensor.data_type, values.shape))
    graph = helper.make_graph(nodes, 'constant', [image, *scalars], infos)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 20)], ir_version=10)
    helper.set_model_props(model, dict(panseg=json.dumps(settings)))
    onnx.save(model, path)
