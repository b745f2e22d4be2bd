"""The greatest channel beside torch's own search."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmdet_panseg.ops import best_channels


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.bfloat16])
@given(st.integers(1, 255), st.integers(0, 6), st.integers(1, 6), st.booleans(), st.integers(0, 2**20))
def test_first_of_the_greatest(dtype, channels, height, width, ties, seed):
    values = np.random.default_rng(seed).normal(size=(channels, height, width))
    maps = torch.from_numpy(values.round() if ties else values).to(dtype)
    best, found = best_channels(maps)
    assert torch.equal(best, maps.amax(dim=0))
    assert torch.equal(found, torch.from_numpy(maps.double().numpy().argmax(axis=0)))


def test_infinities_and_what_is_no_number():
    maps = torch.tensor([[-torch.inf, torch.nan, 0.0], [-torch.inf, 1.0, torch.inf]])[:, None]
    best, found = best_channels(maps)
    assert found[0, 0] == 0 and found[0, 2] == 1 and 0 <= found[0, 1] < 2
    assert best[0, 0] == -torch.inf and best[0, 2] == torch.inf
