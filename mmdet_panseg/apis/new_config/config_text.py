"""The text of a config for a data set."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from pathlib import Path

from .settings import Device, Settings
from .splits import DataSplits, Split

_FILE_FOLDER = '{{ fileDirname }}'
_WIDTH = 120


def config_text(
    data: DataSplits,
    settings: Settings,
    device: Device,
    base: str,
    out: Path,
    root: Path,
    made: Path | None,
    bit_depth: int | None,
) -> str:
    """Write a config.

    Args:
        data: The data set; every split has a path.
        settings: What was chosen.
        device: What it is for.
        base: ``_base_`` of the config.
        out: Where the config will be, absolute.
        root: Folder of the data, absolute.
        made: Folder of converted annotations, absolute; None if there is none.
        bit_depth: Bits that images of 16 bits use; None if nothing is to be said.

    Returns:
        The text.
    """
    places = _Places(out, root, made)
    things = settings.num_grids is not None
    images = ', '.join(f'{split.num_images} {name}' for name, split in data.splits.items())
    lines = [
        f'# Made by panseg new from {data.source}: {images} images.',
        f'_base_ = {base!r}',
        '',
        *places.lines(),
        '',
        *_pipelines(settings, data.panoptic, bit_depth),
        '',
        *_loader('train', data.splits['train'], places, settings),
        *_loader('val', data.splits['val'], places),
        *_test_loader(data, places),
        *(_evaluators(data, places) if data.panoptic else []),
        '',
        *_model(settings, data.panoptic, things),
        '',
        *_commented(settings.iterations.reason),
        f'train_cfg = dict(max_iters={settings.iterations.value})',
        *_commented(settings.lr.reason),
        f'optim_wrapper = dict(optimizer=dict(lr={settings.lr.value:g}))',
    ]
    return '\n'.join(lines) + '\n'


class _Places:
    """How a config names files, so that it works from any folder."""

    def __init__(self, out: Path, root: Path, made: Path | None) -> None:
        self._out, self._root, self._made = out, root, made

    def lines(self) -> list[str]:
        """Give the variables for the folders."""
        lines = [f'data_root = {self._folder(self._root)}']
        if self._made is not None:
            lines.append(f'annotations = {self._folder(self._made)}')
        return lines

    def _folder(self, folder: Path) -> str:
        """Name a folder; one below the config's moves with it."""
        below = os.path.relpath(folder, self._out.parent)
        if below.startswith('..') or os.path.isabs(below) or "'" in str(self._out.parent):
            return repr(folder.as_posix() + '/')
        return repr(_FILE_FOLDER + '/' + ('' if below == '.' else Path(below).as_posix() + '/'))

    def of(self, path: Path, joined: bool = True) -> str:
        """Name a file or folder; ``joined`` where the data set puts ``data_root`` before it."""
        if self._made is not None and self._made in path.parents:
            return f'annotations + {path.relative_to(self._made).as_posix()!r}'
        below = os.path.relpath(path, self._root)
        if below.startswith('..') or os.path.isabs(below):
            return repr(path.as_posix())
        below = '' if below == '.' else Path(below).as_posix()
        return repr(below) if joined else f'data_root + {below!r}'


def _commented(reason: str, indent: int = 0) -> list[str]:
    """Make a comment of a reason, of several lines if it is long."""
    text = f'{reason[0].upper()}{reason[1:]}.'
    start = ' ' * indent + '# '
    return textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent=start)


def _pipelines(settings: Settings, panoptic: bool, bit_depth: int | None) -> list[str]:
    side = settings.side.value
    load, load_image = ('load_segments' if panoptic else 'load_instances'), '*_base_.load_image'
    lines = []
    if bit_depth is not None:
        lines += [
            f'# The images of 16 bits use {bit_depth} of them.',
            f"load_image = [dict(type='panseg.LoadImageFromFile', bit_depth={bit_depth})]",
        ]
        load_image = '*load_image'
    after = f'*_base_.{load}, ' if panoptic else ''
    return [
        *lines,
        *_commented(settings.side.reason),
        f"resize = [dict(type='RandomResize', scale=({side}, {side}), ratio_range=(0.8, 1.2), keep_ratio=True)]",
        f"test_resize = [dict(type='Resize', scale=({side}, {side}), keep_ratio=True)]",
        f'train_pipeline = [{load_image}, *_base_.{load}, *resize, *_base_.flip, *_base_.targets, *_base_.pack]',
        f'test_pipeline = [{load_image}, *test_resize, {after}*_base_.test_pack]',
    ]


def _loader(name: str, split: Split, places: _Places, settings: Settings | None = None) -> list[str]:
    prefix = f'img={places.of(split.images)}'
    if split.segments is not None:
        prefix += f', seg={places.of(split.segments)}'
    pipeline = 'train_pipeline' if settings else 'test_pipeline'
    batch = [] if settings is None else [f'    batch_size={settings.batch.value},']
    return [
        *([] if settings is None else _commented(f'A batch: {settings.batch.reason}')),
        f'{name}_dataloader = dict(',
        *batch,
        '    dataset=dict(',
        '        data_root=data_root,',
        f'        ann_file={places.of(split.path)},',
        f'        data_prefix=dict({prefix}),',
        f'        pipeline={pipeline},',
        '    ),' if settings else '    )',
        ')',
    ]


def _test_loader(data: DataSplits, places: _Places) -> list[str]:
    test = data.splits.get('test')
    return ['test_dataloader = val_dataloader'] if test is None else _loader('test', test, places)


def _evaluators(data: DataSplits, places: _Places) -> list[str]:
    lines: list[str] = []
    for loop in ('val', 'test'):
        split = data.splits.get(loop)
        if split is None:
            lines.append('test_evaluator = val_evaluator')
            continue
        names = ['_base_.iou_evaluator', '_base_.pq_evaluator']
        if split.instances is not None:
            ann_file = places.of(split.instances, joined=False)
            names.insert(0, f'dict(_base_.ap_evaluator, ann_file={ann_file})')
        lines += [f'{loop}_evaluator = [', *(f'    {name},' for name in names), ']']
    return lines


def _model(settings: Settings, panoptic: bool, things: bool) -> list[str]:
    lines = ['model = dict(']
    if things:
        ranges = ', '.join(str(pair) for pair in settings.scale_ranges.value)
        lines += [
            '    mask_head=dict(',
            *_commented(settings.num_grids.reason, 8),
            f'        num_grids={settings.num_grids.value},',
            *_commented(settings.scale_ranges.reason, 8),
            f'        scale_ranges=({ranges}),',
            '    ),',
        ]
    else:
        lines += ['    # There are no things.', '    mask_head=None,']
    for key, setting in (('test_cfg', settings.crowded), ('fusion_head', settings.fusion)):
        if setting is not None:
            values = ', '.join(f'{name}={value}' for name, value in setting.value.items())
            lines += [*_commented(setting.reason, 4), f'    {key}=dict({values}),']
    return [*lines, ')']


def listed_settings(settings: Settings) -> Sequence[tuple[str, object, str]]:
    """Give name, value and reason of each setting, for a table."""
    rows = [
        ('input side', settings.side),
        ('batch', settings.batch),
        ('iterations', settings.iterations),
        ('learning rate', settings.lr),
        ('grids', settings.num_grids),
        ('scale ranges', settings.scale_ranges),
        ('crowded images', settings.crowded),
        ('fusion', settings.fusion),
    ]
    return [(name, setting.value, setting.reason) for name, setting in rows if setting is not None]
