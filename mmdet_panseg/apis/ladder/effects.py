"""What a rung's change does to the losses of equal weights on equal images, before anything is trained."""

from __future__ import annotations

import contextlib
import copy
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from mmdet.registry import MODELS
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, set_random_seed
from torch import Tensor

from .config_changes import config_changes
from .run_settings import RunSettings
from .rungs import RUN_KEYS, Ladder
from .trained_rungs import is_of_testing, trained_rung, trains

_SEEN_BY_LOSSES = {'model', 'train_dataloader'}


@dataclass(frozen=True)
class LossEffect:
    """Losses of a rung and of its parent.

    Attributes:
        rung: Name of the rung.
        parent: Name of its parent.
        losses: By name, the parent's and the rung's mean over the batches; None where one has no such loss.
        unseen: Keys outside model and training data that the rung changes too, such as ``train_cfg``.
    """

    rung: str
    parent: str
    losses: dict[str, tuple[float | None, float | None]]
    unseen: list[str]

    @property
    def cannot_matter(self) -> bool:
        """Whether all losses are equal to the last digit, and nothing else changes."""
        return not self.unseen and all(old == new for old, new in self.losses.values())


def loss_effects(ladder: Ladder, settings: RunSettings, batches: int = 8) -> Iterator[LossEffect]:
    """Compare the first losses of each rung that trains with its parent's.

    Both see the same images in the same order. The rung has its parent's initial weights as far as their shapes fit.
    Equal losses mean that the change does not touch these images, so that a training can only repeat the parent's.

    Args:
        ladder: The ladder.
        settings: What data to take, and other settings.
        batches: Number of batches.

    Yields:
        A comparison for each rung with a parent; rungs that only test are left out.

    Raises:
        ConfigError: If a rung has no version for the data.
    """
    known: dict[str, tuple[dict[str, float], dict[str, Tensor]]] = {}
    for _, rung in ladder.walk():
        if not trains(rung):
            continue
        parent = trained_rung(ladder, ladder.rungs[rung.parent]) if rung.parent else None
        weights = known[parent.name][1] if parent else None
        config = settings.config(ladder, rung)
        known[rung.name] = _first_losses(config, weights, batches)
        if parent is not None:
            yield LossEffect(
                rung=rung.name,
                parent=parent.name,
                losses=_pairs(known[parent.name][0], known[rung.name][0]),
                unseen=_unseen_changes(settings.config(ladder, parent), config),
            )


def effects_table(effects: Iterator[LossEffect]) -> Iterator[str]:
    """Give lines of a Markdown table, each as soon as its rung is measured."""
    yield '| rung | parent | losses, parent → rung | verdict |'
    yield '|---|---|---|---|'
    for effect in effects:
        losses = ', '.join(f'{name} {_text(old)} → {_text(new)}' for name, (old, new) in effect.losses.items())
        yield f'| `{effect.rung}` | `{effect.parent}` | {losses} | {_verdict(effect)} |'


def _unseen_changes(parent: Mapping[str, Any], rung: Mapping[str, Any]) -> list[str]:
    keys = {key[0] for key in config_changes(parent, rung) if not is_of_testing(key)}
    return sorted(keys & RUN_KEYS - _SEEN_BY_LOSSES)


def _first_losses(
    config: Mapping[str, Any], weights: Mapping[str, Tensor] | None, batches: int
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Mean losses over the first batches, and the weights that they were computed with."""
    config = copy.deepcopy(dict(config))
    init_default_scope(config.get('default_scope') or 'mmdet')
    set_random_seed(0)
    model = MODELS.build(ConfigDict(config['model']))
    with _without_messages():
        model.init_weights()
    own = model.state_dict()
    fitting = {key: value for key, value in (weights or {}).items() if key in own and own[key].shape == value.shape}
    model.load_state_dict(fitting, strict=False)
    start = copy.deepcopy(model.state_dict())
    model.train()
    sums: defaultdict[str, float] = defaultdict(float)
    for batch in _batches(config['train_dataloader'], batches):
        with torch.no_grad():
            losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
        for name, value in model.parse_losses(losses)[1].items():
            sums[name] += value.item() / batches
    return dict(sums), start


@contextlib.contextmanager
def _without_messages() -> Iterator[None]:
    """Keep mmengine from listing all parameters."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)


def _batches(dataloader: dict[str, Any], count: int) -> list[Any]:
    """The first batches, drawn before a model can draw random numbers of its own."""
    dataloader.update(num_workers=0, persistent_workers=False)
    dataloader.pop('prefetch_factor', None)
    set_random_seed(0)
    return list(islice(Runner.build_dataloader(dataloader, seed=0), count))


def _pairs(parent: Mapping[str, float], rung: Mapping[str, float]) -> dict[str, tuple[float | None, float | None]]:
    names = [name for name in {**parent, **rung} if name != 'loss']
    return {name: (parent.get(name), rung.get(name)) for name in names}


def _text(value: float | None) -> str:
    return '–' if value is None else f'{value:.4g}'


def _verdict(effect: LossEffect) -> str:
    if effect.cannot_matter:
        return 'cannot matter: losses are equal to the last digit'
    beside = f'changes {", ".join(effect.unseen)}' if effect.unseen else ''
    if all(old == new for old, new in effect.losses.values()):
        return f'equal losses, {beside}'
    return f'losses differ, {beside}' if beside else 'losses differ'
