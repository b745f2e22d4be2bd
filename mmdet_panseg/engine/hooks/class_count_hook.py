"""Refuses to run a model whose heads have another number of classes than the data."""

from __future__ import annotations

from collections.abc import Iterator

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch import nn

from ..errors import ConfigError

COUNT_KEYS = {
    'num_classes': ('thing_classes', 'classes'),
    'num_things_classes': ('thing_classes', 'classes'),
    'num_stuff_classes': ('stuff_classes',),
}
"""Attribute of a head, and the keys of a data set's metainfo (the first that is there) to agree with."""


@HOOKS.register_module()
class ClassCountHook(Hook):
    """Compares every head's number of classes with the data sets', before weights are loaded.

    Looked at are the data sets of all loops that the run has, so a wrong validation set is found before the
    first epoch and not after it. Heads are the model's modules whose name ends in ``head`` (``mask_head``,
    ``roi_head.bbox_head.0``), whatever wraps the model. Not compared: region proposal heads (one class by
    design) and ``num_classes`` of heads that count stuff separately or are semantic.

    Training and validation set must also have the same classes in the same order; other names are a
    warning, as they may be synonyms.
    """

    def before_run(self, runner: Runner) -> None:
        """Checks the data sets of the loops that are built.

        Args:
            runner: Runner of the training, validation or test.

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
        for loader, (dataset, metainfo) in metainfos.items():
            check_class_counts(model, metainfo, loader, getattr(dataset, 'ann_file', None))
        if {'train_dataloader', 'val_dataloader'} <= metainfos.keys():
            warning = compare_class_names(
                metainfos['train_dataloader'][1].get('classes'), metainfos['val_dataloader'][1].get('classes')
            )
            if warning is not None:
                runner.logger.warning(warning)


def check_class_counts(model: nn.Module, metainfo: dict, loader: str, ann_file: str | None = None) -> None:
    """Compares the heads of a model with one data set.

    Args:
        model: Detector without a parallel wrapper.
        metainfo: Meta information of the data set.
        loader: Config key of its loader, such as ``'train_dataloader'``.
        ann_file: Its annotation file, for the error text.

    Raises:
        ConfigError: If a head has another number of classes; all such heads are named.
    """
    wrong = []
    for key, found, names in _declared_counts(model, metainfo):
        if found != len(names):
            wrong.append(f'{key} = {found}, but should be {len(names)}')
    if not wrong:
        return
    names = metainfo.get('thing_classes', metainfo.get('classes', ()))
    listed = ', '.join(map(str, names[:5])) + (', ...' if len(names) > 5 else '')
    source = f" ('{ann_file}')" if ann_file else ''
    raise ConfigError(
        f'{loader}.dataset{source} has {len(names)} classes ({listed}); the model does not agree: '
        f'{"; ".join(wrong)}. Set that key in the config, or choose the classes by '
        f'{loader}.dataset.metainfo=dict(classes=(...)).'
    )


def compare_class_names(train: tuple[str, ...] | None, val: tuple[str, ...] | None) -> str | None:
    """Compares the class names of training and validation set.

    Args:
        train: Class names of the training set; the index is the label.
        val: Class names of the validation set.

    Returns:
        None if they are equal or unknown, else a warning.

    Raises:
        ConfigError: If the same names are in another order, so that labels would mean different things.
    """
    if not train or not val or tuple(train) == tuple(val):
        return None
    index, (first, second) = next(
        (i, pair) for i, pair in enumerate(zip((*train, None), (*val, None), strict=False)) if pair[0] != pair[1]
    )
    where = f"label {index} is '{first}' in train_dataloader.dataset and '{second}' in val_dataloader.dataset"
    if sorted(map(str, train)) == sorted(map(str, val)):
        raise ConfigError(
            f'The classes of training and validation set are in different orders: {where}. '
            "Give 'categories' of both annotation files the same order."
        )
    return f'The class names of training and validation set differ: {where}.'


def _declared_counts(model: nn.Module, metainfo: dict) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Config key, number of classes and names to agree with, for every count that a head declares."""
    for path, module in model.named_modules():
        named_parts = [part for part in path.split('.') if not part.isdigit()]
        last = named_parts[-1] if named_parts else ''
        if not last.endswith('head') or last.endswith('rpn_head'):
            continue
        counts_stuff = hasattr(module, 'num_stuff_classes')
        for key, sources in COUNT_KEYS.items():
            if key == 'num_classes' and (counts_stuff or 'semantic' in last):
                continue
            count = getattr(module, key, None)
            names = next((metainfo[source] for source in sources if source in metainfo), None)
            if isinstance(count, int) and names is not None:
                yield f'model.{_as_config_key(path)}.{key}', count, names


def _as_config_key(path: str) -> str:
    """Writes ``bbox_head.0`` as ``bbox_head[0]``."""
    return ''.join(f'[{part}]' if part.isdigit() else f'.{part}' for part in path.split('.')).lstrip('.')
