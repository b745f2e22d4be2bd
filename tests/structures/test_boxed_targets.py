"""Targets in their boxes beside full ones."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.structures import InstanceData

from mmdet_panseg.ops import crops_of_masks
from mmdet_panseg.structures import BoxedTargets


def targets_of(seed: int) -> tuple[np.ndarray, BoxedTargets]:
    rng = np.random.default_rng(seed)
    masks = np.zeros((rng.integers(0, 6), rng.integers(1, 20), rng.integers(1, 20)), np.uint8)
    for mask in masks:
        y, x = (sorted(rng.integers(0, side + 1, 2)) for side in mask.shape)
        mask[slice(*y), slice(*x)] = rng.integers(0, 2)
    return masks, BoxedTargets.from_crops(crops_of_masks(masks), masks.shape[1:])


@given(st.integers(0, 2**32 - 1), st.data())
def test_full_targets(seed: int, data: st.DataObject) -> None:
    masks, boxed = targets_of(seed)
    assert boxed.shape == masks.shape
    np.testing.assert_array_equal(np.asarray(boxed), masks)
    numbers = st.integers(0, max(0, len(masks) - 1))
    chosen = np.array(data.draw(st.lists(numbers, max_size=9 if len(masks) else 0)), np.int64)
    np.testing.assert_array_equal(boxed.dense(torch.from_numpy(chosen)).numpy(), masks[chosen])
    np.testing.assert_array_equal(np.asarray(boxed[chosen]), masks[chosen])
    np.testing.assert_array_equal(
        np.asarray(BoxedTargets.cat([boxed[chosen], boxed])), np.concatenate([masks[chosen], masks])
    )


def test_field_of_instances() -> None:
    masks, boxed = targets_of(5)
    assert len(masks) > 2
    instances = InstanceData(labels=torch.arange(len(masks)), mask_targets_4=boxed)
    chosen = instances[torch.tensor([2, 0])]
    np.testing.assert_array_equal(np.asarray(chosen.mask_targets_4), masks[[2, 0]])
    np.testing.assert_array_equal(np.asarray(instances[1:].mask_targets_4), masks[1:])
    assert instances.to('cpu').mask_targets_4.shape == masks.shape
    assert instances.to('meta').mask_targets_4.pixels.device.type == 'meta'
