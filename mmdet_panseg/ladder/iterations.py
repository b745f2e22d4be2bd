"""Longer and shorter trainings of the same shape."""

from __future__ import annotations

from typing import Any

from mmdet_panseg.errors import ConfigError

_TIMES = ('begin', 'end', 'milestones', 'T_max', 'step_size', 'total_steps', 'periods')


def scale_iterations(config: dict[str, Any], max_iters: int) -> None:
    """Train for another number of iterations, which the schedulers follow.

    Args:
        config: Config with an ``IterBasedTrainLoop``, changed in place.
        max_iters: The new number of iterations.

    Raises:
        ConfigError: If the config counts epochs, or a scheduler has times of its own.
    """
    old = config['train_cfg'].get('max_iters')
    if old is None:
        raise ConfigError('train_cfg.max_iters is not set: only trainings that count iterations can be rescaled.')
    if max_iters != old:
        _require_relative_times(config)
        config['train_cfg']['max_iters'] = max_iters


def _require_relative_times(config: dict[str, Any]) -> None:
    schedulers = config.get('param_scheduler') or []
    for scheduler in schedulers if isinstance(schedulers, list) else [schedulers]:
        times = [f'{name}={scheduler[name]}' for name in _TIMES if _counts_steps(scheduler.get(name))]
        if times:
            raise ConfigError(
                f'param_scheduler: {scheduler["type"]} has {", ".join(times)}, which would not fit a training of '
                'another length; take WarmupLR, StepDecayLR or CosineDecayLR, which follow train_cfg.'
            )


def _counts_steps(time: Any) -> bool:
    """Whether it is no fraction of the training, nor its start."""
    return any(step and step >= 1 for step in (time if isinstance(time, list) else [time]))
