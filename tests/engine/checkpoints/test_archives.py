"""Damaged archives and those that claim too much are refused before anything is unpickled."""

from __future__ import annotations

import random
import zipfile

import pytest
import torch

from mmdet_panseg.engine import CheckpointError, load_checkpoint_safely
from mmdet_panseg.engine.checkpoints.archive import archive_fault
from mmdet_panseg.engine.checkpoints.unpickling import resolve_arrays


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save(dict(state_dict={f'layer{k}.weight': torch.randn(64, 64) for k in range(4)}), path)
    return path


def test_a_sound_archive(checkpoint):
    assert archive_fault(checkpoint) is None
    assert len(load_checkpoint_safely(checkpoint)['state_dict']) == 4


@pytest.mark.parametrize('seed', range(30))
def test_any_flipped_bit_of_the_content_is_found(checkpoint, seed):
    content = bytearray(checkpoint.read_bytes())
    chosen = random.Random(seed)
    entry = chosen.choice(zipfile.ZipFile(checkpoint).infolist())
    # Names and extra fields of an entry stand before its bytes.
    start = content.index(b'PK', entry.header_offset) + 30 + len(entry.filename)
    start += int.from_bytes(content[entry.header_offset + 28 : entry.header_offset + 30], 'little')
    content[start + chosen.randrange(entry.file_size)] ^= 1 << chosen.randrange(8)
    checkpoint.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match=r'weights\.pth: cannot be read; .*(damaged|broken).*download it again'):
        load_checkpoint_safely(checkpoint)


def test_compressed_archives_are_refused(checkpoint, tmp_path):
    bomb = tmp_path / 'bomb.pth'
    with zipfile.ZipFile(checkpoint) as source, zipfile.ZipFile(bomb, 'w', zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
        target.writestr('weights/data/9', bytes(50_000_000))
    assert bomb.stat().st_size < 200_000
    with pytest.raises(CheckpointError, match='is compressed'):
        load_checkpoint_safely(bomb)


def test_sizes_that_are_not_there(checkpoint):
    content = bytearray(checkpoint.read_bytes())
    with zipfile.ZipFile(checkpoint) as archive:
        directory = archive.start_dir
    content[directory + 24 : directory + 28] = (2**31).to_bytes(4, 'little')
    checkpoint.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match='claims to hold more than the file has'):
        load_checkpoint_safely(checkpoint)


def test_tuples_that_share_themselves():
    value = (torch.ones(1),)
    for _ in range(60):
        value = (value, value)
    resolved = resolve_arrays([value])
    for _ in range(60):
        assert resolved is not None and resolved[0] is resolved[-1]
        resolved = resolved[0]


def test_lists_that_contain_themselves():
    value: list = [1]
    value.append((value, value))
    assert resolve_arrays(value) is value and value[1][0] is value
