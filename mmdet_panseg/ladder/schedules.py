"""Whether the learning rate's schedule fits the length of the training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def schedule_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Look for schedules that end before the training does, or that it never reaches.

    Args:
        config: The resolved config.

    Yields:
        A sentence for each scheduler with times that do not fit.
    """
    training = config.get('train_cfg') or {}
    by_epoch = 'max_epochs' in training
    length, unit = training.get('max_epochs' if by_epoch else 'max_iters'), 'epochs' if by_epoch else 'iterations'
    schedulers = config.get('param_scheduler') or []
    if not isinstance(length, int) or not isinstance(schedulers, list):
        return
    own = [scheduler for scheduler in schedulers if scheduler.get('by_epoch', True) == by_epoch]
    late = [step for scheduler in own for step in scheduler.get('milestones') or [] if step >= length]
    if late:
        yield f'param_scheduler: milestones {late} are not reached in {length} {unit}'
    ends = [scheduler.get('end') for scheduler in own]
    # Without an end it goes on; a warm-up alone leaves the rate constant.
    if own and own == schedulers[-len(own) :] and None not in ends and 'Linear' not in own[-1]['type']:
        last = max(ends)
        if last < length:
            yield f'param_scheduler: ends after {last} of {length} {unit}'
