from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import distinct_indices, places_of


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12).flatmap(lambda count: st.tuples(st.just(count), st.lists(st.integers(0, count - 1)))))
def test_lists_equal_those_of_sorting(case):
    count, indices = case
    indices = torch.tensor(indices, dtype=torch.long)
    expected, inverse = indices.unique(return_inverse=True)
    distinct = distinct_indices(indices, count)
    assert torch.equal(distinct, expected)
    assert torch.equal(places_of(distinct, count)[indices], inverse)
