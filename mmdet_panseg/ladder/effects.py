"""What a rung's change does to the first losses and gradients, before anything is trained."""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.runner import Runner, set_random_seed
from torch import Tensor, nn

from mmdet_panseg.engine.config import config_faults_explained, derive_settings
from mmdet_panseg.errors import ConfigError

from .config_changes import KeyPath, config_changes
from .rungs import NOT_KNOWN, RUN_KEYS, Ladder, is_of_testing
from .runs.settings import RunSettings

NUM_BATCHES = 8


@dataclass(frozen=True)
class LossEffect:
    """First losses of a rung and of the rung above that trains.

    Attributes:
        rung: Name of the rung.
        parent: Name of the other one.
        losses: By name, the parent's and the rung's; None where one has no such loss.
        equal: Whether losses, gradients and running statistics are equal to the last digit.
        new_layers: Layers whose first weights are not the parent's.
        beside: What the rung changes that does not show here: schedule, optimizer, initial weights, testing.
    """

    rung: str
    parent: str
    losses: dict[str, tuple[float | None, float | None]]
    equal: bool
    new_layers: list[str]
    beside: list[str]


@dataclass(frozen=True)
class _FirstSteps:
    """What a model does with the first batches."""

    config: dict[str, Any]
    losses: dict[str, float]  # means over the batches
    weights: dict[str, Tensor]  # parameters and buffers before
    traces: dict[str, Tensor]  # sums of the gradients, and the buffers after
    new_layers: list[str]  # those whose weights are not the parent's


def loss_effects(
    ladder: Ladder, settings: RunSettings, only: Collection[str] | None = None, batches: int = NUM_BATCHES
) -> Iterator[LossEffect]:
    """Compare the first losses and gradients of each rung that trains with those of the rung above.

    Both see the same images in the same order, on the CPU in one process, in float32. The rung has the other's first
    weights where names and shapes fit.

    Args:
        ladder: The rungs.
        settings: What data to take, and other settings.
        only: Names of rungs to compare; None for all that are for the data.
        batches: Number of batches of the training.

    Yields:
        A comparison for each rung below another; rungs that only test are left out.

    Raises:
        ConfigError: If a rung is not known, has no version for the data, or its data have no batch.
    """
    wanted = settings.chosen(ladder, only)
    settings.warn_of_unknown_options(ladder)
    needed = {above.name for name in wanted for above in ladder.lineage(ladder.rungs[name]) if above.trains}
    steps: dict[str, _FirstSteps] = {}
    for place, rung in enumerate((rung for _, rung in ladder.walk() if rung.name in needed), 1):
        print(f'first losses of {rung.name} ({place} of {len(needed)})', file=sys.stderr, flush=True)
        above = [other.name for other in ladder.lineage(rung)[1:] if other.trains]
        steps = {name: steps[name] for name in above}  # no others are kept, as each holds the weights of a model
        parent = steps[above[0]] if above else None
        own = _first_steps(settings.config(ladder, rung), parent and parent.weights, batches)
        steps[rung.name] = own
        if parent and rung.name in wanted:
            yield _compare(rung.name, own, above[0], parent)


def _compare(name: str, own: _FirstSteps, parent_name: str, parent: _FirstSteps) -> LossEffect:
    same_traces = parent.traces.keys() == own.traces.keys() and all(
        torch.equal(trace, own.traces[name]) for name, trace in parent.traces.items()
    )
    return LossEffect(
        rung=name,
        parent=parent_name,
        losses={loss: (parent.losses.get(loss), own.losses.get(loss)) for loss in {**parent.losses, **own.losses}},
        equal=parent.losses == own.losses and same_traces,
        new_layers=own.new_layers,
        beside=sorted({_hidden(key) for key in config_changes(parent.config, own.config)} - {''}),
    )


def _hidden(key: KeyPath) -> str:
    """Give a short name of a changed key that neither losses nor gradients show; empty if they do."""
    if key[0] != 'model':
        return key[0] if key[0] in RUN_KEYS - {'train_dataloader'} else ''
    initial = [part for part in key if part in ('init_cfg', 'pretrained')]
    return '.'.join(key[:2]) if is_of_testing(key) else ''.join(initial[:1])


def _first_steps(config: dict[str, Any], parent: Mapping[str, Tensor] | None, batches: int) -> _FirstSteps:
    """Run forward and backward passes on the first batches, without a step of the optimizer.

    The model starts from the weights of its parent where names and shapes fit.
    """
    derived = Config(copy.deepcopy(config))
    with config_faults_explained(config):
        derive_settings(derived)
        samples = _batches(derived.train_dataloader, batches)
        set_random_seed(0)
        model = MODELS.build(derived.model)
    _init_quietly(model)
    new_layers = _load_fitting(model, parent) if parent is not None else []
    weights = copy.deepcopy(model.state_dict())
    model.train()
    losses: dict[str, float] = {}
    set_random_seed(0)
    for batch in samples:
        total, values = model.parse_losses(model(**model.data_preprocessor(batch, training=True), mode='loss'))
        total.backward()
        values.pop('loss')
        for name, value in values.items():
            losses[name] = losses.get(name, 0.0) + value.item() / len(samples)
    gradients = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
    return _FirstSteps(config, losses, weights, {**gradients, **dict(model.named_buffers())}, new_layers)


def _load_fitting(model: nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """Load what fits; give the names of the layers that keep weights of their own."""
    own = model.state_dict()
    fitting = {key: value for key, value in weights.items() if key in own and own[key].shape == value.shape}
    model.load_state_dict(fitting, strict=False)
    return sorted({key.rpartition('.')[0] or key for key in own.keys() - fitting.keys()})


def _batches(dataloader: dict[str, Any], count: int) -> list[Any]:
    """Draw the first batches, before a model can draw random numbers of its own."""
    dataloader.update(num_workers=0, persistent_workers=False)
    dataloader.pop('prefetch_factor', None)
    set_random_seed(0)
    batches = list(islice(Runner.build_dataloader(dataloader, seed=0), count))
    if not batches:
        raise ConfigError('train_dataloader: there is no batch; look at its dataset, batch_size and drop_last.')
    return batches


def _init_quietly(model: nn.Module) -> None:
    """Initialize the weights while mmengine does not list all parameters."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        model.init_weights()
    finally:
        logger.setLevel(level)


def effects_table(ladder: Ladder, effects: Iterable[LossEffect]) -> Iterator[str]:
    """Write a line of Markdown for each rung, as soon as it is there."""
    effects = iter(effects)
    first = list(islice(effects, 1))  # before the head, as it may raise an error
    yield f'| rung | above | losses on the first {NUM_BATCHES} batches, above → rung | effect there | changes beside |'
    yield '|---|---|---|---|---|'
    for effect in chain(first, effects):
        losses = ', '.join(f'{name} {_change(*pair)}' for name, pair in effect.losses.items())
        yield f'| `{effect.rung}` | `{effect.parent}` | {losses} | {_verdict(effect)} | {", ".join(effect.beside)} |'
    tested = [rung.name for rung in ladder.rungs.values() if not rung.trains]
    if tested:
        yield ''
        yield f'Left out, as they only test: {", ".join(tested)}.'


def _change(old: float | None, new: float | None) -> str:
    ratio = f' ({100 * (new / old - 1):+.2g} %)' if old and new is not None and new != old else ''
    return ' → '.join(NOT_KNOWN if value is None else f'{value:.4g}' for value in (old, new)) + ratio


def _verdict(effect: LossEffect) -> str:
    if effect.equal:
        return 'none: losses and gradients are equal'
    if effect.new_layers:
        return f'new layers: {", ".join(effect.new_layers)}'
    return 'yes' if any(old != new for old, new in effect.losses.values()) else 'in the gradients'
