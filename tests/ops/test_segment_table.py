from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import VOID_LABEL, VOID_ROW, SegmentTable, join_segments, segment_rows


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


def joined_key(number: int, table: SegmentTable, row: int):
    """What a row of an image becomes part of: itself, or its class if it is a whole of stuff."""
    if table.labels[row] == VOID_LABEL:
        return None
    plain = not (table.is_thing[row] or table.is_crowd[row] or table.is_instance[row])
    return ('stuff', int(table.labels[row])) if plain else (number, row)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 20), st.integers(1, 20)), min_size=1, max_size=4), st.data()
)
def test_joined_segments_are_those_of_each_pixel(images, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    maps, tables = [], []
    for count, height, width in images:
        labels = rng.integers(0, 7, count)
        ids = 1 + rng.choice(400, count, replace=False)  # those of different images meet
        table = SegmentTable.from_segments(ids, labels, labels < 3, rng.random(count) < 0.2)
        islands = (table.labels == 6) & ~table.is_crowd
        tables.append(dataclasses.replace(table, is_instance=table.is_instance | islands))
        maps.append(rng.choice([*segment_rows(count), VOID_ROW], (height, width)).astype(np.uint16))
    joined, table = join_segments(maps, tables)
    new_rows = {}
    for number, (old, new) in enumerate(zip(maps, joined, strict=True)):
        assert old.shape == new.shape and new.dtype == np.uint16
        for row, new_row in zip(old.reshape(-1).tolist(), new.reshape(-1).tolist(), strict=True):
            key = joined_key(number, tables[number], row)
            for name in ('labels', 'is_thing', 'is_crowd', 'is_instance'):
                assert getattr(table, name)[new_row] == getattr(tables[number], name)[row]
            if key is None:
                assert new_row == VOID_ROW
            else:
                assert new_rows.setdefault(key, new_row) == new_row
    assert sorted(new_rows.values()) == table.rows.tolist(), 'one row a segment that has pixels, and none else'
    things = table.rows[table.is_thing[table.rows]]
    assert len({*table.ids[things].tolist()}) == len(things)
    stuff = np.setdiff1d(table.rows, things)
    assert len({*table.ids[stuff].tolist()}) == len({*table.labels[stuff].tolist()}), 'an id for each class of stuff'
    assert len({*table.ids[table.rows].tolist()}) == len(things) + len({*table.labels[stuff].tolist()})
    assert (table.ids[table.rows] > 0).all()


def test_ids_stay_unless_two_segments_have_them():
    first = SegmentTable.from_segments([5, 70_000], [0, 5], [1, 0], [0, 0])
    second = SegmentTable.from_segments([5, 9, 80_000], [1, 1, 5], [1, 1, 0], [0, 0, 0])
    maps, table = join_segments([np.array([[0, 1]], np.uint16), np.array([[0], [1], [2]], np.uint16)], [first, second])
    ids = [table.ids[part].reshape(-1).tolist() for part in maps]
    assert ids == [[5, 70_000], [1, 9, 70_000]]
    assert maps[0][0, 1] == maps[1][2, 0], 'sky is one segment'
    assert first.ids[0] == second.ids[0] == 5, 'tables themselves do not change'


def test_joining_more_segments_than_a_map_holds():
    count = 40_000
    table = SegmentTable.from_segments(np.arange(count) + 1, np.zeros(count), np.ones(count), np.zeros(count))
    segment_map = segment_rows(count)[None].astype(np.uint16)
    with pytest.raises(ValueError, match='80000 segments'):
        join_segments([segment_map, segment_map], [table, table])
