"""What is exported equals the model, before it is translated."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample

from export_cases import FAMILIES, build
from mmdet_panseg.apis.export.errors import ExportError
from mmdet_panseg.apis.export.graph import DetectorGraph
from mmdet_panseg.apis.export.support import require_exportable
from panoptic_solo_cases import SOLO, changed
from panoptic_solo_cases import build as build_config

SIZES = [((97, 137), (120, 151)), ((64, 96), (64, 96)), ((33, 40), (99, 81))]


def results(model, size, original, seed=0):
    """The padded input, and what the model finds."""
    image = torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (3, *size), np.uint8))
    sample = DetDataSample(metainfo=dict(img_shape=size, ori_shape=original))
    data = model.data_preprocessor(dict(inputs=[image], data_samples=[sample]))
    return data['inputs'], model.predict(data['inputs'], data['data_samples'], rescale=True)[0]


def blocks_of(padded):
    return padded.unflatten(3, (-1, 32)).unflatten(2, (-1, 32))


@pytest.mark.parametrize('family', FAMILIES)
@torch.no_grad()
def test_graph_equals_the_model_without_fusion(family):
    model = build(family)
    model.fusion_head = None
    graph = DetectorGraph(copy.deepcopy(model)).eval()
    for size, original in SIZES:
        padded, expected = results(model, size, original)
        found = dict(zip(graph.output_names, graph(blocks_of(padded), *size, *original), strict=True))
        instances = expected.pred_instances
        assert len(instances) > 3
        torch.testing.assert_close(found['scores'], instances.scores)
        assert torch.equal(found['labels'], instances.labels)
        assert (found['masks'] != instances.masks).float().mean() < 1e-4
        if 'semantic_map' in found and not model.semantic_head.merge_things:
            assert torch.equal(found['semantic_map'], expected.pred_sem_seg.sem_seg[0].byte())


@pytest.mark.parametrize('family', FAMILIES)
@torch.no_grad()
def test_images_without_objects(family):
    model = build(family, class_bias=-100.0)
    padded, expected = results(model, *SIZES[0])
    assert len(expected.pred_instances) == 0
    graph = DetectorGraph(model).eval()
    found = dict(zip(graph.output_names, graph(blocks_of(padded), *SIZES[0][0], *SIZES[0][1]), strict=True))
    assert found['masks'].shape == (0, *SIZES[0][1]) and found['boxes'].shape == (0, 4)


def test_unknown_parts_are_one_error():
    for config, message in (
        (
            changed(SOLO, mask_head=dict(type='SOLOHead')),
            "model.mask_head.type = SOLOHead .* set it to 'SparseSOLOHead'",
        ),
        (changed(SOLO, test_cfg=dict(suppression=dict(type='GreedyMaskNMS'))), 'GreedyMaskNMS .* matrix NMS'),
        (changed(SOLO, data_preprocessor=dict(pad_size_divisor=1)), 'pad_size_divisor = 1'),
    ):
        with pytest.raises(ExportError, match=message):
            require_exportable(build_config(config))
    with pytest.raises(ExportError, match='Linear'):
        require_exportable(torch.nn.Linear(1, 1))
