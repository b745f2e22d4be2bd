"""Small made-up ladders."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

BASE = """
default_scope = 'mmdet'
model = dict(type='FPN', in_channels=[4, 8], out_channels=4, num_outs=2)
train_pipeline = [dict(type='RandomFlip', prob=0.5), dict(type='FixClassGT')]
train_dataloader = dict(
    batch_size=2, dataset=dict(type='CheckedCocoDataset', ann_file='none.json', pipeline=train_pipeline)
)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1))
param_scheduler = [dict(type='LinearLR', start_factor=0.1, begin=0, end=10, by_epoch=False)]
"""
ROOT = """
_base_ = '../base.py'
model = dict(out_channels=8)
ablation = dict(change='wider', published_ap=20.0, schedule='1x')
"""
CHILD = """
_base_ = './root.py'
model = dict(num_outs=3)
ablation = dict(change='higher', published_ap=21.0, schedule='1x')
"""
TESTED = """
_base_ = './child.py'
test_evaluator = dict(type='CocoMetric', metric='segm')
ablation = dict(change='tested otherwise', published_ap=None, schedule='1x')
"""


def write_ladder(folder: Path, **rungs: str) -> Path:
    """Write ``base.py`` beside a folder ``ladder`` with a root and the given rungs; None leaves a rung out."""
    ladder = folder / 'ladder'
    ladder.mkdir()
    (folder / 'base.py').write_text(BASE)
    for name, text in {'root': ROOT, 'child': CHILD, **rungs}.items():
        if text is not None:
            (ladder / f'{name}.py').write_text(dedent(text))
    return ladder
