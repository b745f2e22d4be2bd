"""What a sample draws depends on its place in the training alone."""

from __future__ import annotations

import itertools
import json
import random

import cv2
import numpy as np
import pytest
import torch
from mmdet.datasets.samplers import AspectRatioBatchSampler
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import BatchSampler, DataLoader, Dataset, Subset

from mmdet_panseg.datasets import CheckedCocoDataset, LoadCheckedImage
from mmdet_panseg.datasets.repeatable_batches import RepeatableBatches, set_random_state
from mmdet_panseg.errors import ConfigError

IMAGES, ITERATIONS = 7, 9


class Drawing(Dataset):
    """Index and random numbers of each kind; portraits and landscapes."""

    def __len__(self):
        return IMAGES

    def get_data_info(self, index):
        return dict(width=2 + index % 3, height=3)

    def __getitem__(self, index):
        return index, random.random(), np.random.rand(), torch.rand(()).item()


def drawn(data, batches, workers=0, count=ITERATIONS, persistent=False, **changes):
    """The first batches of a training, epoch by epoch where it counts these."""
    numbered = RepeatableBatches(batches, **{**dict(seed=3, rank=0, endless=True), **changes})
    options = dict(num_workers=workers, persistent_workers=persistent, collate_fn=list)
    loader = DataLoader(data, batch_sampler=numbered, **options)
    epochs = [loader] if numbered.endless else (loader for _ in itertools.count())
    return list(itertools.islice(itertools.chain.from_iterable(epochs), count))


def random_order(kind, data):
    sampler = InfiniteSampler(data, seed=5) if kind == 'endless' else DefaultSampler(data, seed=5)
    return (AspectRatioBatchSampler if kind == 'by aspect ratio' else BatchSampler)(sampler, 2, False)


@pytest.mark.parametrize('kind', ['endless', 'finite', 'by aspect ratio'])
def test_workers_and_interruptions_change_nothing(kind):
    data = Drawing()
    expected = drawn(data, random_order(kind, data))
    assert len({sample[1] for batch in expected for sample in batch}) == sum(map(len, expected))
    assert [sample[0] for batch in expected for sample in batch][:IMAGES] != list(range(IMAGES))
    assert drawn(data, random_order(kind, data), 2) == expected
    for done, workers in ((3, 0), (5, 2)):
        rest = drawn(data, random_order(kind, data), workers, ITERATIONS - done, iteration=done)
        assert rest == expected[done:]


@pytest.mark.parametrize('persistent', [False, True])
def test_epochs(persistent):
    data = Drawing()
    expected = drawn(data, random_order('finite', data), endless=False)
    assert drawn(data, random_order('finite', data), 2, persistent=persistent, endless=False) == expected
    once = [[sample[1] for sample in batch] for batch in expected]
    assert once[0] != once[4], 'every epoch augments in another way'
    second = drawn(data, random_order('finite', data), count=ITERATIONS - 4, iteration=4, endless=False)
    assert second == expected[4:]


def test_processes_and_seeds_draw_other_numbers():
    data = Drawing()
    drawings = [
        drawn(data, random_order('finite', data), seed=seed, rank=rank) for seed, rank in ((0, 0), (0, 1), (1, 0))
    ]
    numbers = [{sample[1] for batch in batches for sample in batch} for batches in drawings]
    assert len(set.union(*numbers)) == sum(map(len, numbers))


def test_samples_before_are_not_loaded():
    loaded = []

    class Counted(Drawing):
        def __getitem__(self, index):
            loaded.append(index)
            return super().__getitem__(index)

    data = Counted()
    drawn(data, random_order('by aspect ratio', data), count=1, iteration=1000)
    assert len(loaded) == 2


def test_data_sets_that_load_whole_batches():
    data = Drawing()
    expected = drawn(data, BatchSampler(DefaultSampler(data, shuffle=False), 2, False))
    subset = Subset(data, range(IMAGES))
    assert drawn(subset, BatchSampler(DefaultSampler(subset, shuffle=False), 2, False)) == expected


def test_no_whole_batch_is_an_error():
    data = Drawing()
    with pytest.raises(ConfigError, match='no whole batch'):
        drawn(data, BatchSampler(DefaultSampler(data), IMAGES + 1, True))


def test_the_kinds_of_random_numbers_are_independent():
    set_random_state(1, 2)
    assert len({round(value, 6) for value in (random.random(), np.random.rand(), torch.rand(()).item())}) == 3


def test_replacements_of_broken_images(tmp_path):
    """They do not depend on which broken images are known so far."""
    for index in range(IMAGES):
        cv2.imwrite(str(tmp_path / f'{index}.png'), np.full((8, 8, 3), index, np.uint8))
    for index in range(0, IMAGES, 2):
        (tmp_path / f'{index}.png').write_text('no image')
    images = [dict(id=index, file_name=f'{index}.png', height=8, width=8) for index in range(IMAGES)]
    content = dict(images=images, annotations=[], categories=[dict(id=1, name='apple')])
    (tmp_path / 'objects.json').write_text(json.dumps(content))

    def data():
        pipeline = [LoadCheckedImage(), lambda results: (results['img_id'], np.random.rand())]
        files = dict(ann_file='objects.json', data_root=str(tmp_path), data_prefix=dict(img=''))
        return CheckedCocoDataset(**files, pipeline=pipeline)

    known = data()
    expected = drawn(known, random_order('endless', known))
    assert len(known.skipped) == 4 and {sample[0] for batch in expected for sample in batch} == {1, 3, 5}
    assert drawn(known, random_order('endless', known)) == expected
    for workers in (0, 2):
        unknown = data()
        rest = drawn(unknown, random_order('endless', unknown), workers, ITERATIONS - 4, iteration=4)
        assert rest == expected[4:]
