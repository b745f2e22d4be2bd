from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from torch.nn import functional as F

from inference_cases import METAINFO, NAMES, photograph, write_run
from mmdet_panseg.apis.inference import PanopticInferencer
from mmdet_panseg.apis.inference.tiling import resample_logits
from mmdet_panseg.engine import ConfigError
from mmdet_panseg.models.heads.semantic.semantic_head import SemanticMaps
from panoptic_solo_cases import PANOPTIC, SOLO, STUFF, THINGS, changed

# Tiles go through Resize to 128 pixels: at this side, nothing is resized and a logit stands for 4 pixels.
TILE = 128


@pytest.fixture
def inferencer(tmp_path):
    write_run(tmp_path / 'run')
    return PanopticInferencer(tmp_path / 'run', score_thr=0.3, tiles=TILE, overlap=0.25, batch_size=3)


def paint(objects, size):
    """A picture whose red channel has the class of each pixel, and whose green one the number of its object."""
    pixels = np.zeros((*size, 3), np.uint8)
    rows = np.arange(size[0])[:, None].repeat(size[1], axis=1)
    pixels[..., 2] = THINGS + (rows // 48) % STUFF
    for number, (mask, label) in enumerate(objects, start=1):
        pixels[mask] = (0, number, label)
    return pixels


def use_perfect_heads(inferencer):
    """Let the model see each tile as it was painted: objects by their number, and sure semantic logits."""
    model = inferencer.model
    pad = model.data_preprocessor
    pad.mean, pad.std = torch.zeros(3, 1, 1), torch.ones(3, 1, 1)

    def predict_heads(inputs, samples, rescale=True):
        instances, maps = [], []
        for image, sample in zip(inputs, samples, strict=True):
            height, width = sample.img_shape[:2]
            blue, green, red = image[:, :height, :width].round().long()
            numbers = [number for number in green.unique().tolist() if number]
            masks = torch.stack([green == number for number in numbers]) if numbers else red.new_zeros(0, height, width)
            labels = torch.tensor([int(red[green == number][0]) for number in numbers], dtype=torch.long)
            scores = torch.tensor([0.5 + 0.4 / number for number in numbers])
            instances.append(InstanceData(masks=masks.bool(), labels=labels, scores=scores))
            one_hot = F.one_hot(red, THINGS + STUFF).permute(2, 0, 1).float()
            logits = F.avg_pool2d(one_hot[None], 4, ceil_mode=True)[0] * 10
            maps.append(SemanticMaps(red, red.clamp(min=THINGS), logits))
        return instances, maps

    model.predict_heads = predict_heads


def disc(center, radius, size):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return (rows - center[0]) ** 2 + (columns - center[1]) ** 2 < radius**2


def test_objects_in_one_tile_across_borders_and_over_many_tiles_come_out_whole(inferencer):
    size = (300, 410)
    objects = [
        (disc((40, 40), 20, size), 0),
        (disc((60, 110), 25, size), 1),
        (disc((180, 270), 110, size), 2),
        (disc((290, 10), 12, size), 3),
    ]
    use_perfect_heads(inferencer)
    (prediction,) = inferencer(paint(objects, size))
    assert prediction.labels.tolist() == [0, 1, 2, 3]
    for mask, (wanted, _), box in zip(prediction.mask_arrays(), objects, prediction.boxes, strict=True):
        assert np.array_equal(mask, wanted)
        rows, columns = np.nonzero(wanted)
        assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]

    painted = paint(objects, size)[..., 2]
    agreement = prediction.semantic_map == painted
    # Logits stand for 4 pixels each: borders are theirs.
    assert agreement.mean() > 0.97
    covered = np.zeros(size, bool)
    for mask, label in objects:
        (info,) = [info for info in prediction.segments_info if info['isthing'] and info['category_id'] == label]
        assert np.array_equal(prediction.panoptic_map == info['id'], mask & ~covered)
        assert info['area'] == np.count_nonzero(mask & ~covered)
        covered |= mask
    stuff = [info for info in prediction.segments_info if not info['isthing']]
    assert [info['category_id'] for info in stuff] == list(range(THINGS, THINGS + STUFF))
    free = ~covered & agreement
    assert np.array_equal((prediction.panoptic_map[free] - 1) % 1000, painted[free])


@pytest.mark.parametrize('size', [(100, 128), (128, 90), (1, 1), (128, 128)])
def test_an_image_of_one_tile_gives_what_the_whole_gives(inferencer, tmp_path, size):
    pixels = photograph(3, size)
    (tiled,) = inferencer(pixels)
    (whole,) = PanopticInferencer(tmp_path / 'run', score_thr=0.3)(pixels)
    assert tiled.masks == whole.masks and tiled.labels.tolist() == whole.labels.tolist()
    np.testing.assert_allclose(tiled.scores, whole.scores, rtol=1e-5)
    # At borders that the input's padding does not share with the image, the whole image looks at padding as well.
    inside = np.s_[: size[0] // 4 * 4 - 2, : size[1] // 4 * 4 - 2]
    assert np.array_equal(tiled.semantic_map[inside], whole.semantic_map[inside])
    if size == (TILE, TILE):
        assert np.array_equal(tiled.panoptic_map, whole.panoptic_map)
        assert [{**info, 'score': None} for info in tiled.segments_info] == [
            {**info, 'score': None} for info in whole.segments_info
        ]


def test_a_real_model_sees_in_its_tiles_what_it_sees_in_them_alone(inferencer, tmp_path):
    """Where one tile alone looks, the semantic map is that of the tile."""
    pixels = photograph(1, (200, 220))
    (prediction,) = inferencer(pixels)
    (corner,) = PanopticInferencer(tmp_path / 'run')(np.ascontiguousarray(pixels[:TILE, :TILE]))
    inside = np.s_[:68, :88]
    assert np.array_equal(prediction.semantic_map[inside], corner.semantic_map[inside])
    assert prediction.panoptic_map.shape == (200, 220)
    assert {info['id'] for info in prediction.segments_info} == set(np.unique(prediction.panoptic_map)) - {0}
    assert all(mask['size'] == [200, 220] for mask in prediction.masks)


@pytest.mark.parametrize('unclaimed', ['void', 'stuff'])
def test_merged_things_are_named(tmp_path, unclaimed):
    model = changed(PANOPTIC, semantic_head=dict(merge_things=True), fusion_head=dict(unclaimed=unclaimed))
    write_run(tmp_path / 'run', model)
    pixels = photograph(2, (128, 128))
    (tiled,) = PanopticInferencer(tmp_path / 'run', tiles=TILE)(pixels)
    (whole,) = PanopticInferencer(tmp_path / 'run')(pixels)
    assert np.array_equal(tiled.semantic_map, whole.semantic_map)
    assert np.array_equal(tiled.panoptic_map, whole.panoptic_map)


def test_instances_alone_and_semantics_alone(tmp_path):
    pixels = photograph(2, (150, 260))
    write_run(tmp_path / 'solo', changed(SOLO), metainfo=dict(classes=NAMES[:THINGS]))
    (prediction,) = PanopticInferencer(tmp_path / 'solo', tiles=TILE, score_thr=0.2)(pixels)
    assert len(prediction) > 3 and prediction.semantic_map is None and prediction.panoptic_map is None

    write_run(tmp_path / 'semantic', changed(PANOPTIC, mask_head=None, fusion_head=None))
    (prediction,) = PanopticInferencer(tmp_path / 'semantic', tiles=TILE)(pixels)
    assert len(prediction) == 0 and prediction.panoptic_map is None
    assert prediction.semantic_map.max() < THINGS + STUFF


def test_logits_are_looked_up_at_the_centres_of_cells():
    logits = torch.randn(3, 8, 6)
    same = resample_logits(logits, (8, 6), (32, 24), (8, 6), 4)
    torch.testing.assert_close(same, logits)
    # Cells of half the size: as bilinear enlargement.
    fine = resample_logits(logits, (8, 6), (32, 24), (16, 12), 2)
    torch.testing.assert_close(fine, F.interpolate(logits[None], scale_factor=2, mode='bilinear')[0])
    # The tile covers a part of the last row and column.
    ramp = torch.arange(6.0).expand(1, 8, 6)
    part = resample_logits(ramp, (7.5, 5.5), (30, 22), (8, 6), 4)
    torch.testing.assert_close(part[0, 0, :5], torch.arange(5.0))


def test_faults_are_named(tmp_path, inferencer):
    for arguments, message in (
        (dict(tiles=8), '--tiles 8'),
        (dict(tiles=128, overlap=0), '--overlap 0'),
        (dict(tiles=128, overlap=0.9), '--overlap 0.9'),
    ):
        with pytest.raises(ConfigError, match=message):
            PanopticInferencer(tmp_path / 'run', **arguments)
    assert inferencer.classes.names == METAINFO['classes']


def test_rows_of_tiles_are_told(inferencer):
    rows = []
    (_,) = inferencer(photograph(0, (200, 100))).with_images(lambda *row: rows.append(row))
    assert rows == [(1, 2), (2, 2)]
