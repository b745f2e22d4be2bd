"""Refuse to run a model whose heads have another number of classes than the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch import nn
from torch.utils.data import Dataset

from mmdet_panseg.datasets.errors import shown
from mmdet_panseg.datasets.transforms import SplitStuffIslands
from mmdet_panseg.datasets.wrappers import iter_datasets
from mmdet_panseg.errors import ConfigError

COUNT_KEYS = {
    'num_classes': ('thing_classes', 'classes'),
    'num_things': ('thing_classes', 'classes'),
    'num_things_classes': ('thing_classes', 'classes'),
    'num_stuff': ('stuff_classes',),
    'num_stuff_classes': ('stuff_classes',),
}
"""Attribute of a head, and the keys of a data set's metainfo (the first that is there) to agree with."""


@HOOKS.register_module()
class ClassCountHook(Hook):
    """Compare every head's number of classes with the data sets', before weights are loaded.

    Looked at are the data sets of all loops that the run has, so a wrong validation set is found before the
    first epoch and not after it. Heads are the model's modules whose name ends in ``head`` (``mask_head``,
    ``roi_head.bbox_head.0``), whatever wraps the model. Not compared: region proposal heads (one class by
    design) and ``num_classes`` of heads that count stuff separately or are semantic.

    With panoptic data, heads of instances have the things' classes, or those of things and stuff if the train pipeline
    has ``SplitStuffIslands(as_instances=True)``. A test alone does not tell which, so either will do.

    Training and validation set must also have the same classes in the same order; other names are a
    warning, as they may be synonyms.
    """

    def before_run(self, runner: Runner) -> None:
        """Check the data sets of the loops that are built.

        Raises:
            ConfigError: If numbers of classes differ, or the same classes are in another order.
        """
        metainfos = {}
        for mode in ('train', 'val', 'test'):
            # The public properties would build the loops, and data sets, that this run does not use.
            loop = getattr(runner, f'_{mode}_loop', None)
            if isinstance(loop, BaseLoop):
                dataset = loop.dataloader.dataset
                metainfos[f'{mode}_dataloader'] = (dataset, getattr(dataset, 'metainfo', {}))
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        train = metainfos.get('train_dataloader')
        islands = None if train is None else learns_stuff_islands(train[0])
        if {'train_dataloader', 'val_dataloader'} <= metainfos.keys():
            warning = compare_class_names(
                metainfos['train_dataloader'][1].get('classes'), metainfos['val_dataloader'][1].get('classes')
            )
            if warning is not None:
                runner.logger.warning(warning)
        for loader, (dataset, metainfo) in metainfos.items():
            check_class_counts(model, metainfo, loader, getattr(dataset, 'ann_file', None), islands)


def check_class_counts(
    model: nn.Module, metainfo: dict, loader: str, ann_file: str | None = None, islands: bool | None = False
) -> None:
    """Compare the heads of a model with one data set.

    Args:
        model: Detector without a parallel wrapper.
        metainfo: Meta information of the data set.
        loader: Config key of its loader, such as ``'train_dataloader'``.
        ann_file: Its annotation file, for the error text.
        islands: Whether islands of stuff are learnt as instances; None if that is not known.

    Raises:
        ConfigError: If a head has another number of classes; all such heads are named.
    """
    wrong = []
    for key, found, names in _declared_counts(model, metainfo):
        expected = [len(names)]
        if key.endswith('.num_classes') and islands is not False:
            expected = [len(metainfo['classes'])] if islands else [len(names), len(metainfo['classes'])]
        if found not in expected:
            wrong.append(f'{key} = {found}, but should be {" or ".join(map(str, dict.fromkeys(expected)))}')
    if not wrong:
        return
    source = f" ('{ann_file}')" if ann_file else ''
    why = ' (the train pipeline has SplitStuffIslands(as_instances=True))' if islands else ''
    raise ConfigError(
        f'{loader}.dataset{source} has {_listed_classes(metainfo)}; the model does not agree: '
        f'{"; ".join(wrong)}{why}. Set that key in the config, or choose the classes by '
        f'{loader}.dataset.metainfo=dict(classes=(...)).'
    )


def learns_stuff_islands(dataset: Dataset) -> bool:
    """Whether a data set's pipeline makes islands of stuff into instances.

    Args:
        dataset: Data set, perhaps inside wrappers.

    Returns:
        Whether it, or a data set inside it, has ``SplitStuffIslands(as_instances=True)``.
    """
    return any(
        isinstance(transform, SplitStuffIslands) and transform.as_instances
        for part in iter_datasets(dataset)
        for transform in _iter_transforms(getattr(part, 'pipeline', None))
    )


def compare_class_names(train: tuple[str, ...] | None, val: tuple[str, ...] | None) -> str | None:
    """Compare the class names of training and validation set.

    Args:
        train: Class names of the training set; the index is the label.
        val: Class names of the validation set.

    Returns:
        None if they are equal or unknown, else a warning.

    Raises:
        ConfigError: If there are more in one, or the same in another order, so that labels would mean different things.
    """
    where = first_difference(train, val, 'train_dataloader.dataset', 'val_dataloader.dataset')
    if where is None:
        return None
    if len(train) != len(val):
        names, loader = (train, 'train_dataloader') if len(train) > len(val) else (val, 'val_dataloader')
        more = [f"'{name}'" for name in names if name not in (val if names is train else train)]
        raise ConfigError(
            f'Training and validation set have {len(train)} and {len(val)} classes: {shown(more)} only in '
            f"{loader}.dataset. Give both the same: by metainfo=dict(classes=(...)), or in 'categories' of the file."
        )
    if sorted(map(str, train)) == sorted(map(str, val)):
        raise ConfigError(
            f'The classes of training and validation set are in different orders: {where}. '
            "Give 'categories' of both annotation files the same order."
        )
    return f'The class names of training and validation set differ: {where}.'


def first_difference(
    first: Sequence[str] | None, second: Sequence[str] | None, name: str, other_name: str
) -> str | None:
    """Say which label means something else to two lists of class names.

    Args:
        first: Class names; the index is the label.
        second: Others.
        name: Where the first are from.
        other_name: Where the second are from.

    Returns:
        The first such label with both names; None if there is none or a list is unknown.
    """
    if not first or not second or tuple(first) == tuple(second):
        return None
    pairs = enumerate(zip_longest(first, second, fillvalue='no class'))
    label, (one, other) = next((label, pair) for label, pair in pairs if pair[0] != pair[1])
    return f"label {label} is '{one}' in {name} and '{other}' in {other_name}"


def _declared_counts(model: nn.Module, metainfo: dict) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Give config key, number of classes and names to agree with, for every count that a head declares."""
    for path, module in model.named_modules():
        named_parts = [part for part in path.split('.') if not part.isdigit()]
        last = named_parts[-1] if named_parts else ''
        if not last.endswith('head') or last.endswith('rpn_head'):
            continue
        counts_stuff = hasattr(module, 'num_stuff_classes') or hasattr(module, 'num_stuff')
        for key, sources in COUNT_KEYS.items():
            if key == 'num_classes' and (counts_stuff or 'semantic' in last):
                continue
            count = getattr(module, key, None)
            names = next((metainfo[source] for source in sources if source in metainfo), None)
            if isinstance(count, int) and names is not None:
                yield f'model.{_as_config_key(path)}.{key}', count, names


def _as_config_key(path: str) -> str:
    """Write ``bbox_head.0`` as ``bbox_head[0]``."""
    return ''.join(f'[{part}]' if part.isdigit() else f'.{part}' for part in path.split('.')).lstrip('.')


def _iter_transforms(pipeline: object) -> Iterator[object]:
    """Give the transforms of a pipeline or list, with those inside ``RandomApply`` and the like."""
    inner = pipeline if isinstance(pipeline, list) else getattr(pipeline, 'transforms', ())
    for transform in inner if isinstance(inner, (list, tuple)) else [inner]:
        yield transform
        yield from _iter_transforms(transform)


def _listed_classes(metainfo: dict) -> str:
    """Give number and first names of the classes, things and stuff apart if there is stuff."""
    kinds = [('classes', metainfo.get('thing_classes', metainfo.get('classes', ())))]
    if metainfo.get('stuff_classes'):
        kinds = [('classes of things', kinds[0][1]), ('of stuff', metainfo['stuff_classes'])]
    return ' and '.join(
        f'{len(names)} {kind} ({", ".join(map(str, names[:5]))}{", ..." if len(names) > 5 else ""})'
        for kind, names in kinds
    )
