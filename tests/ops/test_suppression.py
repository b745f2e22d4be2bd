from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.models.layers import mask_matrix_nms

from mmdet_panseg.ops import (
    chosen_ious,
    greedy_mask_nms,
    iou_from_intersections,
    mask_intersections,
    matrix_nms_decay,
    suppress_non_peaks,
)


def random_candidates(seed, count, num_classes=3):
    generator = torch.Generator().manual_seed(seed)
    corner = torch.randint(0, 12, (count, 2), generator=generator)
    extent = torch.randint(1, 9, (count, 2), generator=generator)
    rows, columns = torch.arange(20)[:, None], torch.arange(20)
    inside = [
        (rows >= y) & (rows < y + h) & (columns >= x) & (columns < x + w)
        for (y, x), (h, w) in zip(corner, extent, strict=True)
    ]
    masks = torch.stack(inside) if count else torch.zeros(0, 20, 20, dtype=torch.bool)
    labels = torch.randint(0, num_classes, (count,), generator=generator)
    scores = torch.rand(count, generator=generator).sort(descending=True).values
    return masks, labels, scores


def ious_of(masks):
    return iou_from_intersections(mask_intersections(masks), masks.sum((1, 2)).float())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 25), st.integers(0, 2**20))
def test_overlaps_equal_counting(count, seed):
    masks, _, _ = random_candidates(seed, count)
    ious = ious_of(masks)
    assert ious.shape == (count, count)
    for one in range(count):
        for other in range(count):
            shared, either = (masks[one] & masks[other]).sum(), (masks[one] | masks[other]).sum()
            torch.testing.assert_close(ious[one, other], shared / either)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 25), st.integers(0, 2**20), st.sampled_from([0.0, 0.1, 1.0]))
def test_overlaps_of_chosen_pairs_are_those_of_all(count, seed, share):
    """Whether a pair is chosen at one of its places or at both; some masks have holes, and some are empty."""
    masks, _, _ = random_candidates(seed, count)
    generator = torch.Generator().manual_seed(seed)
    masks &= torch.rand(masks.shape, generator=generator) < 0.8
    masks[::5] = False
    pairs = torch.rand(count, count, generator=generator) < share
    chosen = (pairs | pairs.T) & ~torch.eye(count, dtype=torch.bool)
    expected = torch.where(chosen, ious_of(masks).nan_to_num(), 0)
    torch.testing.assert_close(chosen_ious(masks, pairs), expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**20), st.sampled_from(['gaussian', 'linear']))
def test_matrix_nms_equals_that_of_mmdet(count, seed, kernel):
    masks, labels, scores = random_candidates(seed, count)
    expected, _, _, index = mask_matrix_nms(masks, labels, scores, kernel=kernel, sigma=2.0)
    decayed = scores * matrix_nms_decay(ious_of(masks), labels, kernel=kernel, sigma=2.0)
    finite = ~expected.isnan()
    torch.testing.assert_close(decayed[index][finite], expected[finite])
    # mmdet's linear kernel divides zero by zero between copies of a mask.
    assert (decayed[index][~finite] == 0).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 25), st.integers(0, 2**20))
def test_greedy_nms_equals_a_loop(count, seed):
    masks, labels, _ = random_candidates(seed, count)
    ious, kept = ious_of(masks), []
    for candidate in range(count):
        if all(labels[other] != labels[candidate] or ious[other, candidate] <= 0.5 for other in kept):
            kept.append(candidate)
    assert greedy_mask_nms(ious, labels).nonzero().flatten().tolist() == kept


def test_unknown_kernel_is_named():
    with pytest.raises(ValueError, match="'cubic'"):
        matrix_nms_decay(torch.zeros(1, 1), torch.zeros(1), kernel='cubic')


@pytest.mark.parametrize('side', [1, 2, 7])
def test_peaks_are_the_maximum_of_the_window_that_ends_there(side):
    scores = torch.rand(2, 3, side, side)
    result = suppress_non_peaks(scores)
    for batch, channel, row, column in torch.cartesian_prod(*(torch.arange(n) for n in scores.shape)):
        window = scores[batch, channel, max(row - 1, 0) : row + 1, max(column - 1, 0) : column + 1]
        value = scores[batch, channel, row, column]
        assert result[batch, channel, row, column] == (value if value == window.max() else 0)
