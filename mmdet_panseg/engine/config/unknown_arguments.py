"""Whether classes and the names of their arguments exist, where building would need files, a model or a runner."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mmdet.registry import (
    DATA_SAMPLERS,
    DATASETS,
    EVALUATOR,
    HOOKS,
    LOG_PROCESSORS,
    LOOPS,
    METRICS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    VISBACKENDS,
    VISUALIZERS,
)
from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.registry import Registry
from mmengine.runner import Runner
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.utils.data import DataLoader

from mmdet_panseg.errors import near_names

# What mmengine takes out of a dict before it builds the class.
_TAKEN_OUT = {'type', '_scope_', 'convert_to_iter_based', 'priority'}
_OF_WRAPPERS = {'optimizer', 'constructor', 'paramwise_cfg'}
# Read by name from a dict, so that there is no signature to look at.
_PARAMWISE = {
    *('custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'dwconv_decay_mult'),
    *('flat_decay_mult', 'bypass_duplicate', 'dcn_offset_lr_mult'),
}
_OF_CUSTOM_KEYS = {'lr_mult', 'decay_mult'}
_ENVIRONMENT = {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'}
_DEFAULT_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
_AUTO_SCALE = {'enable', 'base_batch_size'}
_CLIPPING = {'norm': clip_grad_norm_, 'value': clip_grad_value_}
_LOOP_TYPES = {'val_cfg': 'ValLoop', 'test_cfg': 'TestLoop'}


def argument_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Look for unknown classes and arguments in all of a config but its model and transforms.

    Args:
        config: The resolved config.

    Yields:
        A sentence for each name that nothing knows.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        yield from _dataloader_problems(config.get(name) or {}, name)
    for name in ('train_cfg', 'val_cfg', 'test_cfg'):
        yield from _loop_problems(config.get(name) or {}, name)
    yield from _optimizer_problems(config.get('optim_wrapper') or {})
    visualizers = listed(config.get('visualizer'))
    log_processor = {'type': 'LogProcessor', **(config.get('log_processor') or {})}
    for registry, parts, where in (
        (PARAM_SCHEDULERS, config.get('param_scheduler'), 'param_scheduler'),
        (METRICS, config.get('val_evaluator'), 'val_evaluator'),
        (METRICS, config.get('test_evaluator'), 'test_evaluator'),
        (HOOKS, config.get('custom_hooks'), 'custom_hooks'),
        (VISUALIZERS, visualizers, 'visualizer'),
        *(
            (VISBACKENDS, part.get('vis_backends'), 'visualizer.vis_backends')
            for part in listed(config.get('visualizer'))
        ),
        (LOG_PROCESSORS, log_processor, 'log_processor'),
    ):
        yield from _each(registry, parts, where)
    yield from _default_hook_problems(config.get('default_hooks') or {})
    yield from _unknown(config.get('env_cfg') or {}, _ENVIRONMENT, 'env_cfg')
    yield from _unknown(config.get('auto_scale_lr') or {}, _AUTO_SCALE, 'auto_scale_lr')
    yield from _unknown(config.get('randomness') or {}, argument_names(Runner.set_randomness), 'randomness')


def listed(configs: Any) -> list[Mapping[str, Any]]:
    """Give the dicts of a key that takes one or several."""
    several = configs if isinstance(configs, Sequence) and not isinstance(configs, str) else [configs]
    return [config for config in several if isinstance(config, Mapping) and config]


def _each(registry: Registry, configs: Any, where: str) -> Iterator[str]:
    for config in listed(configs):
        if registry is METRICS and 'metrics' in config:  # an evaluator around several
            yield from class_problems([METRICS, EVALUATOR], {'type': 'Evaluator', **config}, where)
        else:
            yield from class_problems([registry], config, where)


def _default_hook_problems(hooks: Mapping[str, Any]) -> Iterator[str]:
    for name, hook in hooks.items():
        if hook is None and name not in _DEFAULT_HOOKS:
            yield f'default_hooks.{name} is None, and there is none to switch off.{near_names(name, _DEFAULT_HOOKS)}'
        for problem in _each(HOOKS, hook, f'default_hooks.{name}'):
            yield problem + ('' if 'type' in hook else near_names(name, _DEFAULT_HOOKS))


def class_problems(
    registries: Sequence[Registry], config: Mapping[str, Any], where: str, taken_out: Iterable[str] = ()
) -> Iterator[str]:
    """Check the class and the arguments of a dict that a registry builds.

    Args:
        registries: Where the class may be registered.
        config: The dict.
        where: Its dotted key.
        taken_out: Names that are read from the dict before the class is built.

    Yields:
        A sentence for each name that nothing knows.
    """
    kind = config.get('type')
    if kind is None:
        yield f'{where} has no type; is its name right?'
        return
    found = (registry.get(kind) for registry in registries) if isinstance(kind, str) else iter([kind])
    cls = next(filter(None, found), None)
    if cls is None or not callable(cls):
        known = {name for registry in registries for name in _registered_names(registry)}
        yield f'{where}.type={kind!r} is not registered.{near_names(str(kind), known)}'
        return
    names = argument_names(cls)
    if names is not None:
        yield from _unknown(config, names | _TAKEN_OUT | set(taken_out), f'{where}: {cls.__name__}')


def _registered_names(registry: Registry | None) -> set[str]:
    """Give the types that a registry and those above it know."""
    return set() if registry is None else {*registry.module_dict, *_registered_names(registry.parent)}


def argument_names(kind: Any) -> set[str] | None:
    """Collect the names of a class's arguments, those of its parents as long as ``**kwargs`` passes them on.

    Args:
        kind: A class, or a function, which has its own arguments alone.

    Returns:
        The names, or None if any name may be accepted.
    """
    parents = kind.__mro__ if inspect.isclass(kind) else []
    makers = [vars(parent)['__init__'] for parent in parents if '__init__' in vars(parent)] or [kind]
    names: set[str] = set()
    for maker in makers:
        if maker is object.__init__:
            # A class without a constructor takes nothing; one with **kwargs passes them on to who knows what.
            return None if names else names
        parameters = inspect.signature(maker).parameters.values()
        names |= {parameter.name for parameter in parameters}
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
            return names
    return None


def _unknown(config: Mapping[str, Any], known: Iterable[str] | None, owner: str) -> Iterator[str]:
    for key in config:
        if known is not None and key not in known:
            yield f'{owner} has no argument {key!r}.{near_names(key, known)}'


def _dataloader_problems(dataloader: Mapping[str, Any], where: str) -> Iterator[str]:
    known = (argument_names(DataLoader) or set()) | {'num_batch_per_epoch'}
    yield from _unknown(dataloader, known, where)
    for name in ('sampler', 'batch_sampler'):
        yield from _each(DATA_SAMPLERS, dataloader.get(name), f'{where}.{name}')
    for dataset, place in datasets_of(dataloader, where):
        yield from class_problems([DATASETS], dataset, place)


def datasets_of(config: Mapping[str, Any], where: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Give the data sets of a data loader or of a wrapper, and those that they wrap.

    Args:
        config: Config of the data loader or of the wrapper.
        where: Its dotted key.

    Yields:
        Config of a data set and its dotted key.
    """
    for name in ('dataset', 'datasets'):
        for dataset in listed(config.get(name)):
            yield dataset, f'{where}.{name}'
            yield from datasets_of(dataset, f'{where}.{name}')


def _loop_problems(loop: Mapping[str, Any], where: str) -> Iterator[str]:
    of_training = 'EpochBasedTrainLoop' if loop.get('by_epoch') else 'IterBasedTrainLoop'
    default = _LOOP_TYPES.get(where, of_training)
    if loop:
        yield from class_problems([LOOPS], {'type': default, **loop}, where, {'by_epoch'})


def _optimizer_problems(wrapper: Mapping[str, Any]) -> Iterator[str]:
    if not wrapper:
        return
    yield from class_problems([OPTIM_WRAPPERS], {'type': 'OptimWrapper', **wrapper}, 'optim_wrapper', _OF_WRAPPERS)
    clipping = wrapper.get('clip_grad') or {}
    known = argument_names(_CLIPPING.get(clipping.get('type', 'norm'), clip_grad_norm_)) or set()
    yield from _unknown(clipping, known | {'type'}, 'optim_wrapper.clip_grad')
    yield from _each(OPTIMIZERS, wrapper.get('optimizer'), 'optim_wrapper.optimizer')
    constructor = wrapper.get('constructor', 'DefaultOptimWrapperConstructor')
    if OPTIM_WRAPPER_CONSTRUCTORS.get(constructor) is not DefaultOptimWrapperConstructor:
        return
    paramwise = wrapper.get('paramwise_cfg') or {}
    yield from _unknown(paramwise, _PARAMWISE, 'optim_wrapper.paramwise_cfg')
    for name, multipliers in (paramwise.get('custom_keys') or {}).items():
        where = f'optim_wrapper.paramwise_cfg.custom_keys[{name!r}]'
        if isinstance(multipliers, Mapping):
            yield from _unknown(multipliers, _OF_CUSTOM_KEYS, where)
        else:
            yield f'{where} = {multipliers!r}, but should be a dict such as dict(lr_mult=0.1)'
