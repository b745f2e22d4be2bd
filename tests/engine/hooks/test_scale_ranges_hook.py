from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.structures import InstanceData

from mmdet_panseg.engine.hooks.scale_ranges_hook import ScaleRangesHook, doubts_about_ranges

RANGES = ((1, 32), (16, 64), (48, 2048))


def sample(scales, wrap):
    scales = torch.tensor(scales, dtype=torch.float32)
    # Twice as wide as high, and away from the corner of the image.
    boxes = torch.stack([scales * 0 + 5, scales * 0 + 9, 5 + scales * 2**0.5, 9 + scales / 2**0.5], dim=1)
    return DetDataSample(gt_instances=InstanceData(bboxes=wrap(boxes)))


def warnings_of(batches, model=None, **settings):
    seen = []
    head = SimpleNamespace(mask_head=SimpleNamespace(scale_ranges=RANGES))
    runner = SimpleNamespace(model=model or head, logger=SimpleNamespace(warning=seen.append))
    hook = ScaleRangesHook(**settings)
    hook.before_train(runner)
    for number, batch in enumerate(batches):
        hook.after_train_iter(runner, 900 + number, dict(data_samples=batch))
    return seen


@pytest.mark.parametrize('wrap', [lambda boxes: boxes, HorizontalBoxes])
def test_an_empty_level_is_named_once_with_sizes(wrap):
    seen = warnings_of([[sample([10] * 50 + [20] * 50, wrap)]] * 5, num_objects=200)
    (warning,) = seen
    assert 'level 2 (48 to 2048)' in warning and '10 to 20 pixels' in warning and 'first 200 objects' in warning


def test_objects_of_all_levels_are_no_doubt():
    assert not warnings_of([[sample([10, 40, 300] * 100, torch.as_tensor)]])


def test_objects_between_and_above_the_ranges_are_counted():
    scales = torch.tensor([10.0] * 97 + [40.0] * 3)
    (lost,) = doubts_about_ranges(scales, ((1, 32), (8, 31)))
    assert '3 of the first 100 objects' in lost and 'one of 40 pixels' in lost
    assert not doubts_about_ranges(torch.tensor([10.0] * 199 + [40.0]), ((1, 32), (8, 31)))


def test_few_objects_are_enough_after_some_iterations_but_not_a_handful():
    batch = [sample([10, 10], torch.as_tensor)]
    assert not warnings_of([batch] * 49)
    assert len(warnings_of([batch] * 60)) == 1
    assert not warnings_of([[sample([], torch.as_tensor)]] * 60)


def test_models_without_ranges_are_left_alone():
    assert not warnings_of([[sample([10] * 300, torch.as_tensor)]], model=SimpleNamespace(mask_head=object()))
