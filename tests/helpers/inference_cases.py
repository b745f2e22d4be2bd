"""Work dirs of small models with random weights, and images, for the tests of prediction."""

from __future__ import annotations

import copy

import cv2
import numpy as np
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from panoptic_solo_cases import PANOPTIC, STUFF, THINGS, build

NAMES = ('cell', 'core', 'ring', 'spot', 'ground', 'haze', 'glass')
METAINFO = dict(
    classes=NAMES,
    thing_classes=NAMES[:THINGS],
    stuff_classes=NAMES[THINGS : THINGS + STUFF],
    palette=[(20 * k, 250 - 30 * k, 90) for k in range(7)],
    category_ids=tuple(range(11, 18)),
)
PIPELINE = [
    dict(type='panseg.LoadImageFromFile'),
    dict(type='Resize', scale=(128, 128), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackPanopticInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]


def write_run(folder, model=PANOPTIC, metainfo=METAINFO, pipeline=PIPELINE):
    """Write what a training leaves: its config, a checkpoint and the name of that; give the model."""
    folder.mkdir(parents=True, exist_ok=True)
    dataset = dict(type='CheckedCocoPanopticDataset', ann_file='gone.json', pipeline=pipeline)
    config = Config(
        dict(
            default_scope='mmdet',
            custom_imports=dict(imports=['mmdet_panseg']),
            model=copy.deepcopy(model),
            test_dataloader=dict(dataset=dataset),
        )
    )
    config.dump(folder / 'small.py')
    torch.manual_seed(0)
    built = build(config.model) if config.model.type in ('SOLO', 'PanopticSOLO') else MODELS.build(config.model)
    meta = {} if metainfo is None else dict(dataset_meta=dict(metainfo))
    torch.save(dict(meta=meta, state_dict=built.state_dict()), folder / 'iter_1.pth')
    (folder / 'last_checkpoint').write_text(str(folder / 'iter_1.pth'))
    return built.eval()


def photograph(seed=0, size=(90, 130)):
    """Blobs of colours, BGR."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (size[0] // 12 + 1, size[1] // 12 + 1, 3), dtype=np.uint8)
    return cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC)


def write_photographs(folder, names, size=(90, 130)):
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), photograph(seed, size))
    return folder
