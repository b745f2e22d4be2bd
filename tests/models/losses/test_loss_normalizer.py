"""Two processes with synchronised normalisers give the gradients of one process on the joint batch."""

from __future__ import annotations

import copy
import os

import pytest
import torch
import torch.distributed
import torch.multiprocessing

from mmdet_panseg.models import SparseSOLOHead  # noqa: E402
from solo_cases import STOCK, pyramid, random_samples

IMAGE = (96, 128)
COUNTS = [5, 1, 0, 2]


def first_free_cells(positives, num_cells):
    """A drawing that does not depend on the process: as many cells as there are positives, from the first one on."""
    free = [cell for cell in range(num_cells) if cell not in set(positives.tolist())]
    return torch.tensor(free[: len(positives)])


def head_of(normalizer):
    torch.manual_seed(0)
    negatives = dict(type='RandomNegativeCells')
    head = SparseSOLOHead(**copy.deepcopy(STOCK), normalizer=normalizer, sync_normalizer=True, negatives=negatives)
    head.double().cell_mask_loss.negatives.sample = first_free_cells
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return head


def gradients(normalizer, images):
    """Gradients of the sum of the losses of some images of the batch."""
    head = head_of(normalizer)
    torch.manual_seed(3)
    features = [feature[images] for feature in pyramid(len(COUNTS), *IMAGE, dtype=torch.float64)]
    samples = random_samples(2, COUNTS, IMAGE, IMAGE)
    sum(head.loss(features, [samples[image] for image in images]).values()).backward()
    return [parameter.grad for parameter in head.parameters()]


def _process(rank, normalizer, port, folder):
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    torch.set_num_threads(1)
    torch.distributed.init_process_group('gloo', rank=rank, world_size=2)
    images = [[0, 1], [2, 3]][rank]
    averaged = gradients(normalizer, images)
    for gradient in averaged:
        torch.distributed.all_reduce(gradient)
        gradient /= 2
    if rank == 0:
        torch.save(averaged, folder / 'gradients.pth')
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize(
    'normalizer', [dict(type='LossNormalizer'), dict(type='LossNormalizer', cls='positives+images', mask='image')]
)
def test_gradients_of_two_processes_are_those_of_the_joint_batch(normalizer, tmp_path, free_port):
    expected = gradients(normalizer, [0, 1, 2, 3])
    torch.multiprocessing.spawn(_process, (normalizer, free_port, tmp_path), nprocs=2)
    for one, other in zip(torch.load(tmp_path / 'gradients.pth'), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)
