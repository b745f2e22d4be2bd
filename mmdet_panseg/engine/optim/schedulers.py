"""Schedulers of the learning rate that follow the length of the training, which a config says once, in ``train_cfg``.

mmengine's runner gives a scheduler without ``end`` the length of the training, in epochs or in iterations as its
``by_epoch`` says. Here warm-up and milestones follow from it as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.registry import PARAM_SCHEDULERS
from mmengine.optim import CosineAnnealingLR, LinearLR, MultiStepLR

from mmdet_panseg.errors import ConfigError


def warmup_steps(length: int, end: int) -> int:
    """Shorten a warm-up for short trainings.

    Args:
        length: Steps of the warm-up in a long training.
        end: Steps of the training.

    Returns:
        The length, or a fifth of the training if that is less.
    """
    return min(length, end // 5)


class _FollowsTraining:
    """What the schedulers below have in common: they count epochs or iterations, and have one length."""

    @classmethod
    def build_iter_from_epoch(cls, *args: Any, **kwargs: Any) -> None:
        """Refuse ``convert_to_iter_based``, by which mmengine would multiply times that are fractions here."""
        raise ConfigError(
            f'{cls.__name__}: drop convert_to_iter_based=True and set by_epoch=False: times follow the training'
        )


@PARAM_SCHEDULERS.register_module()
class WarmupLR(_FollowsTraining, LinearLR):
    """Raise the rate linearly in the first steps.

    Args:
        optimizer: Optimizer or its wrapper.
        length: Steps of the warm-up, see :func:`warmup_steps`.
        end: Steps of the training; the runner sets it.
        start_factor: Share of the full rate in the first step.
        **kwargs: Other arguments of mmengine's ``LinearLR``.
    """

    def __init__(self, optimizer: Any, length: int, end: int, start_factor: float = 1 / 3, **kwargs: Any) -> None:
        steps = warmup_steps(length, end)
        # A single step would leave the rate at the factor that it starts with.
        super().__init__(optimizer, end=max(1, steps), start_factor=start_factor if steps > 1 else 1.0, **kwargs)


@PARAM_SCHEDULERS.register_module()
class CosineDecayLR(_FollowsTraining, CosineAnnealingLR):
    """Lower the rate along half a cosine, from the end of the warm-up to that of the training.

    Args:
        optimizer: Optimizer or its wrapper.
        end: Steps of the training; the runner sets it.
        warmup: ``length`` of the :class:`WarmupLR` before it.
        **kwargs: Other arguments of mmengine's ``CosineAnnealingLR``.
    """

    def __init__(self, optimizer: Any, end: int, warmup: int = 0, **kwargs: Any) -> None:
        super().__init__(optimizer, begin=warmup_steps(warmup, end), end=end, **kwargs)


@PARAM_SCHEDULERS.register_module()
class StepDecayLR(_FollowsTraining, MultiStepLR):
    """Multiply the rate by ``gamma`` at fractions of the training, rounded down to whole steps.

    Args:
        optimizer: Optimizer or its wrapper.
        milestones: Fractions of the training.
        end: Steps of the training; the runner sets it.
        **kwargs: Other arguments of mmengine's ``MultiStepLR``.

    Raises:
        ConfigError: If a milestone is no fraction.
    """

    def __init__(self, optimizer: Any, milestones: Sequence[float], end: int, **kwargs: Any) -> None:
        if not all(0 < fraction < 1 for fraction in milestones):
            raise ConfigError(f'StepDecayLR: milestones={milestones}: give fractions of the training, as [0.75, 0.9].')
        # Products such as 11 / 12 * 36 may come out a little below the whole number.
        steps = [max(1, int(fraction * end + 1e-6)) for fraction in milestones]
        super().__init__(optimizer, milestones=steps, end=end, **kwargs)
