"""What a rung's change does to the first losses and gradients, before anything is trained."""

from __future__ import annotations

import contextlib
import copy
import logging
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import torch
from mmdet.registry import MODELS
from mmengine.config import Config, ConfigDict
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, set_random_seed
from torch import Tensor

from mmdet_panseg.engine.config.faults import config_faults_explained
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ladder.runs.settings import RunSettings

from .config_changes import config_changes
from .rungs import RUN_KEYS, Ladder, Rung
from .trained_rungs import is_of_testing, trains

NUM_BATCHES = 8


@dataclass(frozen=True)
class FirstSteps:
    """What a model does with the first batches.

    Attributes:
        losses: Means over the batches by name.
        weights: Parameters and buffers before.
        traces: Sums of the gradients, and the buffers after.
        own_layers: Layers whose weights are not those of the parent.
    """

    losses: dict[str, float]
    weights: dict[str, Tensor]
    traces: dict[str, Tensor]
    own_layers: list[str]


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


def loss_effects(
    ladder: Ladder, settings: RunSettings, only: Collection[str] | None = None, batches: int = NUM_BATCHES
) -> Iterator[LossEffect]:
    """Compare the first losses and gradients of each rung that trains with those of the rung above.

    Both see the same images in the same order, on the CPU in one process, in float32. The rung has the other's first
    weights where names and shapes fit.

    Args:
        ladder: The ladder.
        settings: What data to take, and other settings.
        only: Names of rungs to compare; None for all that are for the data.
        batches: Number of batches of the training.

    Yields:
        A comparison for each rung below another; rungs that only test are left out.

    Raises:
        ConfigError: If a rung is not known, has no version for the data, or its data have no batch.
    """
    chosen = settings.chosen(ladder, only)
    settings.warn_of_unknown_options(ladder)
    measured = [rung.name for _, rung in ladder.walk() if trains(rung) and _leads_to(ladder, rung, chosen)]
    walk = _Walk(ladder, settings, chosen, measured, batches)
    for root in ladder.children(None):
        yield from walk.below(root, None)


def _leads_to(ladder: Ladder, rung: Rung, wanted: set[str]) -> bool:
    """Whether a rung or one below it is among those that are wanted."""
    return any(descendant.name in wanted for _, descendant in ladder.walk_from(rung))


class _Measured(NamedTuple):
    """A rung that trains, with its config and first steps."""

    name: str
    config: Mapping[str, Any]
    steps: FirstSteps


@dataclass(frozen=True)
class _Walk:
    """Goes down the tree; only the first steps of a rung's ancestors are kept meanwhile."""

    ladder: Ladder
    settings: RunSettings
    wanted: set[str]
    measured: list[str]
    batches: int

    def below(self, rung: Rung, above: _Measured | None) -> Iterator[LossEffect]:
        """Compare a rung with the one above that trains, and then its descendants."""
        if not _leads_to(self.ladder, rung, self.wanted):
            return
        if trains(rung):
            place = f'{self.measured.index(rung.name) + 1} of {len(self.measured)}'
            print(f'first losses of {rung.name} ({place})', file=sys.stderr, flush=True)
            config = self.settings.config(self.ladder, rung)
            own = _Measured(
                rung.name, config, first_steps(config, above.steps.weights if above else None, self.batches)
            )
            if above and rung.name in self.wanted:
                yield _compare(above, own)
            above = own
        for child in self.ladder.children(rung.name):
            yield from self.below(child, above)


def _compare(parent: _Measured, rung: _Measured) -> LossEffect:
    before, after = parent.steps, rung.steps
    same_traces = before.traces.keys() == after.traces.keys() and all(
        torch.equal(trace, after.traces[name]) for name, trace in before.traces.items()
    )
    names = {**before.losses, **after.losses}
    changes = config_changes(parent.config, rung.config)
    return LossEffect(
        rung=rung.name,
        parent=parent.name,
        losses={name: (before.losses.get(name), after.losses.get(name)) for name in names},
        equal=before.losses == after.losses and same_traces,
        new_layers=after.own_layers,
        beside=sorted({name for key in changes if (name := _hidden(key))}),
    )


def _hidden(key: tuple[str, ...]) -> str | None:
    """A short name of a changed key that neither losses nor gradients show."""
    if key[0] not in RUN_KEYS:
        return None
    if key[0] == 'model':
        initial = [part for part in key if part in ('init_cfg', 'pretrained')]
        return '.'.join(key[:2]) if is_of_testing(key) else initial[0] if initial else None
    return None if key[0] == 'train_dataloader' else key[0]


def first_steps(config: Mapping[str, Any], parent: Mapping[str, Tensor] | None, batches: int) -> FirstSteps:
    """Run forward and backward passes of a config's model on its first batches, without a step of the optimizer.

    Args:
        config: The resolved config.
        parent: Weights to start from where names and shapes fit; None for those of the config.
        batches: Number of batches.

    Returns:
        Losses, gradients and weights.

    Raises:
        ConfigError: If something cannot be built, or there is no batch.
    """
    config = copy.deepcopy(dict(config))
    init_default_scope(config.get('default_scope') or 'mmdet')
    with config_faults_explained(Config(config)):
        samples = _batches(config['train_dataloader'], batches)
        set_random_seed(0)
        model = MODELS.build(ConfigDict(config['model']))
    with _without_messages():
        model.init_weights()
    own_layers = _load_fitting(model, parent) if parent is not None else []
    weights = copy.deepcopy(model.state_dict())
    model.train()
    losses: dict[str, float] = {}
    set_random_seed(0)
    for batch in samples:
        total, values = model.parse_losses(model(**model.data_preprocessor(batch, training=True), mode='loss'))
        total.backward()
        for name, value in values.items():
            if name != 'loss':
                losses[name] = losses.get(name, 0.0) + value.item() / len(samples)
    gradients = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
    return FirstSteps(losses, weights, {**gradients, **dict(model.named_buffers())}, own_layers)


def _load_fitting(model: torch.nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """Load what fits; names of the layers that keep weights of their own."""
    own = model.state_dict()
    fitting = {key: value for key, value in weights.items() if key in own and own[key].shape == value.shape}
    model.load_state_dict(fitting, strict=False)
    return sorted({key.rpartition('.')[0] or key for key in own.keys() - fitting.keys()})


def _batches(dataloader: dict[str, Any], count: int) -> list[Any]:
    """The first batches, drawn before a model can draw random numbers of its own."""
    dataloader.update(num_workers=0, persistent_workers=False)
    dataloader.pop('prefetch_factor', None)
    set_random_seed(0)
    batches = list(islice(Runner.build_dataloader(dataloader, seed=0), count))
    if not batches:
        raise ConfigError('train_dataloader: there is no batch; look at its dataset, batch_size and drop_last.')
    return batches


@contextlib.contextmanager
def _without_messages() -> Iterator[None]:
    """Keep mmengine from listing all parameters."""
    logger = MMLogger.get_current_instance()
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
