"""Longer and shorter trainings of the same shape."""

from __future__ import annotations

from typing import Any

from mmdet_panseg.errors import ConfigError


def scale_iterations(config: dict[str, Any], max_iters: int) -> None:
    """Train for another number of iterations.

    Schedulers that reach the end still do; milestones move in proportion. A warm-up, which ends before, keeps its
    length, but is never more than a fifth of the training.

    Args:
        config: Config with an ``IterBasedTrainLoop``, changed in place.
        max_iters: The new number of iterations.

    Raises:
        ConfigError: If the config counts epochs.
    """
    old = config['train_cfg'].get('max_iters')
    if old is None:
        raise ConfigError('train_cfg.max_iters is not set: only trainings that count iterations can be rescaled.')
    config['train_cfg'].update(max_iters=max_iters)
    if config['train_cfg'].get('val_interval') is not None:
        config['train_cfg'].update(val_interval=max_iters)
    warmup_limit = max(1, max_iters // 5)

    def moved(iteration: int) -> int:
        if iteration >= old:
            return round(iteration * max_iters / old)
        return min(iteration, warmup_limit)

    for scheduler in config.get('param_scheduler') or []:
        begin = scheduler.get('begin', 0)
        for name in ('begin', 'end'):
            if name in scheduler:
                scheduler[name] = moved(scheduler[name])
        if 'T_max' in scheduler:
            scheduler['T_max'] = moved(begin + scheduler['T_max']) - moved(begin)
        if 'milestones' in scheduler:
            scheduler['milestones'] = [max(1, round(step * max_iters / old)) for step in scheduler['milestones']]
