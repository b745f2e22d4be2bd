"""What changes do to the first losses, as a Markdown table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from mmdet_panseg.ladder.effects import NUM_BATCHES, LossEffect
from mmdet_panseg.ladder.rungs import Ladder
from mmdet_panseg.ladder.trained_rungs import trains


def effects_table(ladder: Ladder, effects: Iterable[LossEffect]) -> Iterator[str]:
    """Write a line for each rung, as soon as it is there.

    Args:
        ladder: The ladder.
        effects: From :func:`loss_effects`.

    Yields:
        Lines of Markdown.
    """
    effects = iter(effects)
    first = next(effects, None)  # before the head, as it may raise an error
    yield f'| rung | above | losses on the first {NUM_BATCHES} batches, above → rung | effect there | changes beside |'
    yield '|---|---|---|---|---|'
    for effect in chain([first] if first else [], effects):
        losses = ', '.join(f'{name} {_change(*pair)}' for name, pair in effect.losses.items())
        yield f'| `{effect.rung}` | `{effect.parent}` | {losses} | {_verdict(effect)} | {", ".join(effect.beside)} |'
    tested = [rung.name for rung in ladder.rungs.values() if not trains(rung)]
    if tested:
        yield ''
        yield f'Left out, as they only test: {", ".join(tested)}.'


def _change(old: float | None, new: float | None) -> str:
    if old is None or new is None or not old:
        return f'{_number(old)} → {_number(new)}'
    return f'{old:.4g} → {new:.4g}' + (f' ({100 * (new / old - 1):+.2g} %)' if new != old else '')


def _number(value: float | None) -> str:
    return '–' if value is None else f'{value:.4g}'


def _verdict(effect: LossEffect) -> str:
    if effect.equal:
        return 'none: losses and gradients are equal'
    if effect.new_layers:
        return f'new layers: {", ".join(effect.new_layers)}'
    return 'yes' if any(old != new for old, new in effect.losses.values()) else 'in the gradients'
