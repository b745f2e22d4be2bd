"""The commands that show data, logs and models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mmengine.config import Config
from PIL import Image

from mmdet_panseg.cli import main
from mmdet_panseg.datasets.scenes import make_scenes

DATA = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CheckedCocoDataset',
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='images/train/'),
        pipeline=[
            dict(type='LoadCheckedImage'),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
            dict(type='Resize', scale=(96, 64), keep_ratio=True),
            dict(type='FixClassGT'),
            dict(type='PackPanopticInputs'),
        ],
    ),
)
MODEL = dict(
    type='SOLO',
    data_preprocessor=dict(type='DetDataPreprocessor', mean=[127] * 3, std=[64] * 3, pad_size_divisor=32),
    backbone=dict(type='ResNet', depth=18, base_channels=8),
    neck=dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=8, num_outs=5),
    mask_head=dict(
        type='SparseSOLOHead',
        num_classes=8,
        in_channels=8,
        feat_channels=8,
        stacked_convs=1,
        num_grids=[8, 6, 4, 3, 2],
        strides=[8, 8, 16, 32, 32],
        norm_cfg=dict(type='GN', num_groups=4),
    ),
)


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp('look')
    make_scenes(folder / 'data', num_train=3, num_val=1, size=(96, 64))
    train, test = Config(dict(part=DATA)).part, Config(dict(part=DATA)).part
    for loader in (train, test):
        loader.dataset.data_root = str(folder / 'data')
    path = folder / 'my_config.py'
    path.write_text(
        Config(dict(default_scope='mmdet', model=MODEL, train_dataloader=train, test_dataloader=test)).pretty_text
    )
    return str(path)


def refused(capsys, *arguments):
    """What a command that stops says."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize('ending', ['png', 'html'])
def test_browse(config, tmp_path, capsys, ending):
    out = str(tmp_path / f'new/seen.{ending}')
    main(['browse', config, '--num', '3', '--out', out])
    printed = capsys.readouterr().out
    assert '3 images' in printed and printed.count('cells per level') == 4
    if ending == 'png':
        assert Image.open(out).width > 600
    else:
        assert Path(out).read_text().count('<section>') == 3
    assert 'exists already' in refused(capsys, 'browse', config, '--out', out)
    main(['browse', config, '--num', '1', '--out', out, '--overwrite'])


def test_browse_takes_options_and_refuses_other_files(config, tmp_path, capsys):
    assert 'must end with .png or .html' in refused(capsys, 'browse', config, '--out', str(tmp_path / 'x.jpg'))
    options = ['--cfg-options', f'model.mask_head.scale_ranges=[{",".join(["(500,600)"] * 5)}]']
    main(['browse', config, '--num', '1', '--out', str(tmp_path / 'x.png'), *options])
    assert 'gets no cell: its size' in capsys.readouterr().out


def test_summary(config, capsys):
    main(['summary', config])
    whole = capsys.readouterr().out
    assert '96×64' in whole and 'backbone' in whole and 'mask_convs' in whole
    main(['summary', config, '--size', '128', '160', '--depth', '1'])
    less = capsys.readouterr().out
    assert '160×128' in less and 'backbone' in less and 'mask_convs' not in less


def test_curves(tmp_path, capsys):
    folder = tmp_path / 'run/20260101_000000/vis_data'
    folder.mkdir(parents=True)
    lines = [dict(loss=1 / step, iter=step, step=step) for step in (10, 20)]
    (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)))
    out = str(tmp_path / 'curves.png')
    main(['curves', str(tmp_path / 'run'), '--out', out])
    assert '0.05' in capsys.readouterr().out and Image.open(out).width > 100
    assert 'exists already' in refused(capsys, 'curves', str(tmp_path / 'run'), '--out', out)
    assert '--keys los: no run has it. Near it: loss.' in refused(
        capsys, 'curves', str(tmp_path / 'run'), '--keys', 'los'
    )
