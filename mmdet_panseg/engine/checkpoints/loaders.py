"""Send every way in which mmengine opens a checkpoint through the guard."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

import mmengine
import torch
from mmengine.dist import barrier, get_world_size
from mmengine.fileio import get_local_path
from mmengine.runner.checkpoint import (
    CheckpointLoader,
    get_deprecated_model_names,
    get_external_models,
    get_mmcls_models,
)

from mmdet_panseg.engine.errors import CheckpointError

from .guard import MapLocation, load_checkpoint_safely


def install_checkpoint_guard(trust: bool = False) -> None:
    """Make ``load_from``, ``--resume`` and pretrained weights (``init_cfg``) go through the guard.

    Replaces the loaders of all of mmengine's schemes: local files, ``http(s)://``, ``torchvision://`` (whose
    addresses come from mmengine's own list, so that torchvision need not be installed), ``open-mmlab://``,
    ``mmcls://``, ``s3://`` and ``petrel://``; ``pavi://`` is refused. Calling it again changes ``trust``.

    Args:
        trust: Unpickle everything, for files whose origin is trusted.
    """

    def load_from_local(filename: str, map_location: MapLocation = None) -> Any:
        return load_checkpoint_safely(os.path.expanduser(filename), map_location, trust)

    def load_from_http(filename: str, map_location: MapLocation = None) -> Any:
        return load_checkpoint_safely(_download(filename), map_location, trust)

    def load_from_torchvision(filename: str, map_location: MapLocation = None) -> Any:
        return load_from_http(_torchvision_address(filename), map_location)

    def load_from_openmmlab(filename: str, map_location: MapLocation = None) -> Any:
        return CheckpointLoader.load_checkpoint(_openmmlab_address(filename), map_location)

    def load_from_mmcls(filename: str, map_location: MapLocation = None) -> Any:
        address = _look_up(get_mmcls_models(), filename)
        return _backbone_of(load_from_http(address, map_location))

    def load_from_ceph(filename: str, map_location: MapLocation = None) -> Any:
        with get_local_path(filename, backend_args=dict(backend='petrel')) as local_path:
            return load_checkpoint_safely(local_path, map_location, trust)

    def load_from_pavi(filename: str, map_location: MapLocation = None) -> Any:
        raise CheckpointError(f'{filename}: pavi:// is not supported; download the file and name its path.')

    for prefixes, loader in (
        ('', load_from_local),
        (('http://', 'https://'), load_from_http),
        (('modelzoo://', 'torchvision://'), load_from_torchvision),
        (('open-mmlab://', 'openmmlab://'), load_from_openmmlab),
        ('mmcls://', load_from_mmcls),
        ((r'(\S+\:)?s3://', r'(\S+\:)?petrel://'), load_from_ceph),
        ('pavi://', load_from_pavi),
    ):
        CheckpointLoader.register_scheme(prefixes, loader, force=True)


def _download(address: str) -> Path:
    """Fetch a file into torch's cache unless it is there, once per machine."""
    folder = Path(torch.hub.get_dir()) / 'checkpoints'
    path = folder / os.path.basename(urlparse(address).path)
    try:
        if not path.exists() and int(os.environ.get('LOCAL_RANK', 0)) == 0:
            folder.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(address, str(path))  # renames only when it is complete
    except (URLError, OSError) as error:
        raise CheckpointError(
            f'{address}: cannot be downloaded ({error}). Without a network, put the file at {path}.'
        ) from error
    finally:
        if get_world_size() > 1:
            barrier()
    return path


def _look_up(addresses: dict[str, str], name: str) -> str:
    key = name.partition('://')[2]
    if key not in addresses:
        raise CheckpointError(f'{name}: no weights of that name are known.')
    return addresses[key]


def _torchvision_address(name: str) -> str:
    listed = Path(mmengine.__file__).parent / 'hub' / 'torchvision_0.12.json'
    addresses = json.loads(listed.read_text())
    if name.partition('://')[2] not in addresses:
        from mmengine.runner.checkpoint import get_torchvision_models  # needs torchvision

        addresses = get_torchvision_models()
    return _look_up(addresses, name)


def _openmmlab_address(name: str) -> str:
    key = name.partition('://')[2]
    key = get_deprecated_model_names().get(key, key)
    address = _look_up(get_external_models(), f'open-mmlab://{key}')
    if address.startswith(('http://', 'https://')):
        return address
    home = os.getenv('MMENGINE_HOME', os.path.join(os.getenv('XDG_CACHE_HOME', '~/.cache'), 'mmengine'))
    return os.path.join(os.path.expanduser(home), address)


def _backbone_of(checkpoint: dict) -> dict:
    weights = checkpoint.get('state_dict', checkpoint)
    kept = ((key.removeprefix('backbone.'), value) for key, value in weights.items() if key.startswith('backbone.'))
    return dict(state_dict=OrderedDict(kept))
