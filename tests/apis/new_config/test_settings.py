from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.config import Config

from mmdet_panseg.apis.new_config.measures import measure
from mmdet_panseg.apis.new_config.settings import CPU, GPU, choose_scale_ranges, choose_settings
from mmdet_panseg.engine.hooks.scale_ranges_hook import doubts_about_ranges
from repository import REPOSITORY

SIZES = st.lists(st.floats(2, 500), min_size=1, max_size=60)


def content_of(images, stuff=()):
    """COCO content of images, each a (width, height, boxes)."""
    entries, annotations = [], []
    for number, (width, height, boxes) in enumerate(images):
        entries.append(dict(id=number, file_name=f'{number}.png', width=width, height=height))
        for x, y, w, h in boxes:
            ids = dict(id=len(annotations) + 1, image_id=number, category_id=1)
            annotations.append(dict(ids, bbox=[x, y, w, h], area=w * h, iscrowd=0))
    return dict(images=entries, annotations=annotations, categories=[dict(id=1, name='a')])


def grid_of_objects(count, size, side=256):
    """Objects of one size whose centres lie on a square lattice."""
    step = side / count
    return [
        ((k + 0.5) * step - size / 2, (j + 0.5) * step - size / 2, size, size)
        for k in range(count)
        for j in range(count)
    ]


@given(SIZES)
@settings(max_examples=60, deadline=None)
def test_ranges_rise_touch_and_take_every_object(sizes):
    sizes = np.array(sizes)
    ranges = choose_scale_ranges(sizes)
    lower, upper = zip(*ranges, strict=True)
    assert len(ranges) == 5 and lower[0] == 1 and upper[-1] >= 2048
    assert list(lower) == sorted(lower) and list(upper) == sorted(upper)
    assert all(low <= high for low, high in zip(lower[1:], upper[:-1], strict=True))
    hits = [(sizes >= low) & (sizes <= high) for low, high in ranges]
    assert np.any(hits, axis=0).all()


@pytest.mark.parametrize('seed', range(4))
def test_no_level_goes_without_objects(seed):
    """The warning of the training does not come, whatever the sizes are."""
    generator = np.random.default_rng(seed)
    for sizes in (generator.uniform(5, 30, 400), generator.lognormal(4, 1, 400), np.full(400, 100.0)):
        resized = torch.from_numpy(sizes * generator.uniform(0.8, 1.2, 400)).float()
        assert not doubts_about_ranges(resized, choose_scale_ranges(sizes))


def test_shares_of_cells_are_counted_as_by_hand():
    # centres at 10, 20 and 60 of 64: a grid of 2 has the first two in one cell, of 8 none
    measures = measure(content_of([(64, 64, [(8, 8, 4, 4), (18, 18, 4, 4), (58, 58, 4, 4)]), (64, 64, [(8, 8, 4, 4)])]))
    every = np.ones(4, bool)
    assert measures.shared_cells(every, 2) == 0.5
    assert measures.shared_cells(every, 8) == 0
    assert measures.shared_cells(~every, 2) == 0


def test_measures_are_fractions_of_each_image():
    measures = measure(content_of([(200, 100, [(0, 0, 50, 50)]), (50, 400, [(0, 0, 100 / 4, 100)])]))
    np.testing.assert_allclose(measures.scales, [0.25, 50 / 400])
    np.testing.assert_allclose(measures.centers, [[0.125, 0.25], [0.25, 0.125]])
    assert measures.counts.tolist() == [1, 1] and measures.sides.tolist() == [200, 400]


@pytest.mark.parametrize(
    'change', [dict(bbox=[0, 0, 0, 5]), dict(bbox=None), dict(bbox=['a', 0, 1, 1]), dict(iscrowd=1)]
)
def test_what_cannot_be_measured_is_left_out(change):
    content = content_of([(64, 64, [(8, 8, 4, 4), (18, 18, 4, 4)])])
    content['annotations'][0].update(change)
    assert len(measure(content).scales) == 1


def test_crowds_get_more_cells_than_few_objects():
    crowded = choose_settings(measure(content_of([(256, 256, grid_of_objects(16, 14))] * 20)), CPU, False)
    few = choose_settings(measure(content_of([(256, 256, grid_of_objects(1, 100))] * 20)), CPU, False)
    assert crowded.num_grids.value[0] > 2 * few.num_grids.value[0]
    assert crowded.crowded.value['max_per_img'] > 256 and few.crowded is None
    assert crowded.batch.value < few.batch.value
    for chosen in (crowded, few):
        assert chosen.num_grids.value == sorted(chosen.num_grids.value, reverse=True)


def test_small_objects_enlarge_the_input_but_not_beyond_twice_the_files():
    def side(size, pixels, device=CPU):
        return choose_settings(
            measure(content_of([(size, size, [(0, 0, pixels, pixels)])] * 9)), device, False
        ).side.value

    assert side(640, 200) == 320 and side(640, 40) == 448 and side(640, 10) == 512
    assert side(640, 10, GPU) == 1024 and side(200, 2) == 416 and side(100, 2) == 224
    assert side(32, 10) == 128


def test_few_images_are_not_seen_for_ever_and_many_are_seen_often():
    def chosen(count):
        return choose_settings(measure(content_of([(320, 240, [(9, 9, 90, 90)])] * count)), CPU, False)

    few, some, many = chosen(8), chosen(300), chosen(1000)
    assert few.iterations.value < some.iterations.value < many.iterations.value
    assert some.iterations.value == 1000
    assert chosen(3).batch.value == 3 and chosen(1).lr.value < some.lr.value


def test_thresholds_of_the_fusion_follow_the_files():
    content = content_of([(1280, 1024, [(9, 9, 20, 20), (50, 50, 300, 300)])] * 8)
    fusion = choose_settings(measure(content), CPU, True).fusion.value
    # 16 times the pixels of the recipe's images
    assert fusion['min_stuff_area'] == 1024 and fusion['min_thing_area'] == 256


PACKS = {
    'nuclei_mini': 'recipes/instance_cpu_nuclei_mini.py',
    'coco_person_mini': 'recipes/instance_cpu_person_mini.py',
}


@pytest.mark.parametrize('pack', PACKS)
def test_choices_are_near_those_of_the_recipes_made_by_hand(real_data, pack):
    """Grids and ranges within a factor of two, level by level; the same input."""
    content = json.loads((real_data(pack) / 'annotations' / 'instances_train.json').read_text())
    chosen = choose_settings(measure(content), CPU, False)
    by_hand = Config.fromfile(REPOSITORY / 'configs' / PACKS[pack])
    assert by_hand.train_dataloader.dataset.pipeline[2]['scale'] == (chosen.side.value,) * 2
    head = by_hand.model.mask_head
    for ours, hand in zip(chosen.num_grids.value, head.num_grids, strict=True):
        assert 0.5 <= ours / hand <= 2
    for ours, hand in zip(chosen.scale_ranges.value, head.scale_ranges, strict=True):
        assert 0.5 <= ours[0] / hand[0] <= 2 and 0.5 <= ours[1] / hand[1] <= 2
