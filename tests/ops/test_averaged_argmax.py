from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from mmdet_panseg.ops import ViewMaps, averaged_argmax, maps_of_image


def resized_argmax(logits, *, scale, crop, size, memory_budget):
    """The best channels of one view."""
    return averaged_argmax([ViewMaps(logits, scale, crop)], size=size, memory_budget=memory_budget)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 9),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.sampled_from([1, 2, 4]),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from([1, 40_000, 2**26]),
    st.data(),
)
def test_equals_enlarging_all_channels(channels, shape, scale, size, budget, data):
    crop = tuple(data.draw(st.integers(1, side * scale)) for side in shape)
    logits = torch.randn(channels, *shape, generator=torch.Generator().manual_seed(channels), dtype=torch.float64)
    enlarged = F.interpolate(logits[None], scale_factor=scale, mode='bilinear')[..., : crop[0], : crop[1]]
    expected = F.interpolate(enlarged, size=size, mode='bilinear')[0].max(dim=0)
    values, indices = resized_argmax(logits, scale=scale, crop=crop, size=size, memory_budget=budget)
    torch.testing.assert_close(values, expected.values)
    assert torch.equal(indices, expected.indices)


@pytest.mark.parametrize('budget', [1, 2**26])
def test_of_equal_channels_the_first_is_best(budget):
    logits = torch.tensor([1.0, 3.0, 3.0, 2.0])[:, None, None].expand(4, 2, 3)
    values, indices = resized_argmax(logits, scale=2, crop=(3, 5), size=(7, 9), memory_budget=budget)
    assert (values - 3).abs().max() < 1e-5 and (indices == 1).all()


def test_without_channels():
    values, indices = resized_argmax(torch.zeros(0, 2, 3), scale=2, crop=(3, 5), size=(7, 9), memory_budget=1)
    assert values.shape == indices.shape == (7, 9)
    assert (values == -torch.inf).all() and (indices == 0).all()


def test_memory_does_not_grow_with_the_number_of_channels(monkeypatch):
    largest = []
    interpolate = F.interpolate

    def spy(*args, **kwargs):
        result = interpolate(*args, **kwargs)
        largest.append(result.numel())
        return result

    monkeypatch.setattr(F, 'interpolate', spy)
    resized_argmax(torch.zeros(200, 8, 8), scale=4, crop=(32, 30), size=(50, 60), memory_budget=2**16)
    assert max(largest) * 4 <= 2**16


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(1, 3), st.sampled_from([1, 2**26]), st.integers(0, 99))
def test_views_are_averaged(channels, count, budget, seed):
    generator = torch.Generator().manual_seed(seed)
    shapes, flips = [(3, 5), (4, 4), (2, 7)], [None, 'horizontal', 'diagonal']
    views = [
        ViewMaps(torch.randn(channels, *shape, generator=generator), 4, (4 * shape[0] - 1, 4 * shape[1]), flip)
        for shape, flip in zip(shapes[:count], flips, strict=False)
    ]
    expected = torch.stack([maps_of_image(view, (9, 13)) for view in views]).mean(dim=0).max(dim=0)
    values, indices = averaged_argmax(views, size=(9, 13), memory_budget=budget)
    torch.testing.assert_close(values, expected.values)
    assert (indices != expected.indices).float().mean() < 0.01
