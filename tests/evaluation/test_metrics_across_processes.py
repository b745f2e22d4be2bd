"""Two processes give the values of one, also where the sampler repeats images to give both as many."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
import torch.distributed
import torch.multiprocessing
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import Evaluator

from metric_cases import METAINFO, random_samples
from mmdet_panseg.evaluation import PanopticQualityMetric, SemanticIoUMetric  # noqa: E402

NUM_IMAGES = 5


def evaluate(folder, device):
    samples = random_samples(NUM_IMAGES, height=31, width=24)
    options = dict(classwise=True, collect_device=device)
    evaluator = Evaluator(
        [PanopticQualityMetric(outfile_prefix=str(folder / 'results'), **options), SemanticIoUMetric(**options)]
    )
    evaluator.dataset_meta = METAINFO
    places = list(DefaultSampler(samples, shuffle=False))
    for start in range(0, len(places), 2):
        evaluator.process([samples[place] for place in places[start : start + 2]])
    return len(places), evaluator.evaluate(NUM_IMAGES)


def _process(rank, port, folder):
    os.chdir(folder)
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    torch.set_num_threads(1)
    torch.distributed.init_process_group('gloo', rank=rank, world_size=2)
    # collect_device='gpu' sends the counts through the process group and not through files
    found = {device: evaluate(folder / device, device) for device in ('cpu', 'gpu')}
    Path(folder, f'{rank}.json').write_text(json.dumps(found))
    torch.distributed.destroy_process_group()


def test_processes_count_each_image_once(tmp_path, free_port):
    number, expected = evaluate(tmp_path / 'one', 'cpu')
    assert number == NUM_IMAGES
    torch.multiprocessing.spawn(_process, (free_port, tmp_path), nprocs=2)
    truth = json.loads((tmp_path / 'one' / 'results.panoptic.json').read_text())
    assert len(truth['annotations']) == NUM_IMAGES
    for device in ('cpu', 'gpu'):
        for rank in range(2):
            number, metrics = json.loads((tmp_path / f'{rank}.json').read_text())[device]
            assert number == 3
            assert metrics == pytest.approx(expected, abs=1e-12, nan_ok=True)
        assert json.loads((tmp_path / device / 'results.panoptic.json').read_text()) == truth
