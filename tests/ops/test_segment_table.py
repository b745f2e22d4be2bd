from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mmdet_panseg.ops import VOID_LABEL, VOID_ROW, SegmentTable, segment_rows


def table_of(count: int) -> SegmentTable:
    numbers = np.arange(count)
    return SegmentTable.from_segments(numbers + 10, numbers % 7, numbers % 7 < 3, numbers % 14 == 0)


@pytest.mark.parametrize('count', [0, 1, 255, 256, 1000])
def test_every_segment_has_a_row_and_none_that_of_void(count):
    table = table_of(count)
    rows = segment_rows(count)
    assert len(table) >= 256 and len(set(rows.tolist())) == count and VOID_ROW not in rows
    assert table.rows.tolist() == rows.tolist()
    assert table.ids[rows].tolist() == list(range(10, 10 + count))
    others = np.setdiff1d(np.arange(len(table)), rows)
    assert set(table.labels[others].tolist()) == {VOID_LABEL} and not table.ids[others].any()
    assert not (table.is_thing | table.is_crowd | table.is_instance)[others].any()


def test_instances_are_things_that_are_no_crowds():
    table = SegmentTable.from_segments([1, 2, 3, 4], [0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1])
    assert table.is_instance[:4].tolist() == [True, False, False, False]


def test_voided_rows_are_as_unused_ones():
    table = table_of(300)
    dropped = np.zeros(len(table), bool)
    dropped[[3, 260]] = True
    edited = table.void(dropped)
    assert sorted(set(table.rows) - set(edited.rows)) == [3, 260]
    for field in dataclasses.fields(SegmentTable):
        before, after = getattr(table, field.name), getattr(edited, field.name)
        np.testing.assert_array_equal(after[dropped], before[[VOID_ROW, VOID_ROW]])
        np.testing.assert_array_equal(after[~dropped], before[~dropped])
        assert after.dtype == before.dtype
    assert table.labels[3] == 3, 'the table itself does not change'


@pytest.mark.parametrize('count', [0, 1, 255, 256, 300])
@pytest.mark.parametrize('shape', [(0, 5), (1, 1), (7, 11)])
def test_semantic_map(count, shape):
    table = table_of(count)
    rows = [*segment_rows(count).tolist(), VOID_ROW]
    segment_map = np.random.default_rng(0).choice(rows, shape).astype(np.uint16)
    labels = table.semantic_map(segment_map)
    assert labels.dtype == np.uint8 and labels.shape == shape
    assert labels.tolist() == [[table.labels[row] for row in line] for line in segment_map.tolist()]


def test_more_segments_than_a_map_holds():
    assert segment_rows(2**16 - 1)[-1] == 2**16 - 1
    with pytest.raises(ValueError, match='65536 segments'):
        segment_rows(2**16)
