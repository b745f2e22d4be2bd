"""How well masks fit the objects of each class."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import best_class_ious


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**20), st.integers(0, 5), st.integers(0, 5), st.integers(1, 3))
def test_best_ious_of_classes_equal_a_loop(seed, count, num_objects, num_classes):
    generator = torch.Generator().manual_seed(seed)
    masks, objects = (torch.rand(n, 5, 4, generator=generator) < 0.5 for n in (count, num_objects))
    masks[::3] = False
    labels = torch.randint(num_classes, (num_objects,), generator=generator)
    expected = torch.zeros(count, num_classes)
    for row, mask in enumerate(masks):
        for target, label in zip(objects, labels.tolist(), strict=True):
            iou = (mask & target).sum() / (mask | target).sum().clamp(min=1)
            expected[row, label] = max(expected[row, label], iou)
    torch.testing.assert_close(best_class_ious(masks, objects, labels, num_classes), expected)
