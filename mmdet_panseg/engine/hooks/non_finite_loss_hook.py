"""Stop a run whose loss is no longer a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine.dist import all_gather_object, all_reduce, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from mmdet_panseg.engine.errors import NonFiniteError


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Raise as soon as any loss term is infinite or NaN, before the weights are changed by it.

    The terms are looked at where the model adds them up (``parse_losses`` of mmengine's ``BaseModel``), so
    neither the backward pass nor the optimizer sees them. A model that does not call it is checked after
    the iteration, ahead of the hooks that write checkpoints. Weights that became non-finite through their
    gradients alone are kept out of checkpoints as well.
    """

    priority = 'ABOVE_NORMAL'

    def __init__(self) -> None:
        self._batch: Any = None
        self._checked = False
        self._unwrap: Callable[[], None] | None = None

    def before_train(self, runner: Runner) -> None:
        """Put the check between the model's losses and their sum."""
        model = _unwrapped(runner.model)
        if not hasattr(model, 'parse_losses'):
            return
        original = model.parse_losses

        @wraps(original)
        def checked(losses: Mapping[str, Any]) -> Any:
            self._require_finite(runner, losses)
            self._checked = True
            return original(losses)

        model.parse_losses = checked
        self._unwrap = lambda: delattr(model, 'parse_losses')

    def after_train(self, runner: Runner) -> None:
        """Take the check out again."""
        if self._unwrap is not None:
            self._unwrap()
            self._unwrap = None

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Keep the batch at hand, to name its images."""
        self._checked = False
        self._batch = data_batch

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Mapping[str, Any] | None = None
    ) -> None:
        """Check what the model logs, where the losses themselves were out of reach."""
        if not self._checked and outputs:
            self._require_finite(runner, outputs)
        self._batch = None

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse to write weights that are no longer numbers.

        Raises:
            NonFiniteError: When a parameter holds an infinite value or NaN.
        """
        for name, parameter in _unwrapped(runner.model).named_parameters():
            if not torch.isfinite(parameter).all():
                raise NonFiniteError(
                    f'iteration {runner.iter + 1}: {name} is no longer finite, although the loss was; '
                    'this checkpoint was not written. Lower the learning rate or clip the gradients '
                    '(optim_wrapper.clip_grad), then go on with --resume.'
                )

    def _require_finite(self, runner: Runner, losses: Mapping[str, Any]) -> None:
        means = {name: _mean(value) for name, value in losses.items()}
        terms = {name: mean for name, mean in means.items() if mean is not None}
        # one look at all terms together: on a GPU each look waits for it
        finite = torch.isfinite(torch.stack(list(terms.values()))).all() if terms else torch.tensor(True)
        broken_anywhere = (~finite).float()
        # all processes stop together, since those left behind would wait for the others' gradients
        all_reduce(broken_anywhere, op='max')
        if not broken_anywhere:
            return
        told = '' if finite else _describe(terms, self._batch)
        written = runner.message_hub.get_info('last_ckpt')
        error = NonFiniteError(
            '\n'.join(
                (
                    f'iteration {runner.iter + 1}: the loss is not finite.',
                    *(text for text in all_gather_object(told) if text),
                    f'No checkpoint of this state was written; the last one is {written or "none"}.',
                    'Look at these images and their annotations; lower the learning rate or clip the gradients '
                    '(optim_wrapper.clip_grad); then go on with --resume.',
                )
            )
        )
        error.on_every_process = True
        raise error


def _describe(terms: Mapping[str, torch.Tensor], batch: Any) -> str:
    """List the loss terms and the images of one process."""
    marks = {name: '' if math.isfinite(term) else '   <- here' for name, term in terms.items()}
    lines = [f'  {name}: {float(term):.6g}{marks[name]}' for name, term in terms.items()]
    where = f' in process {get_rank()}' if get_world_size() > 1 else ''
    return '\n'.join([*lines, f'images of the batch{where}: ' + (', '.join(_image_names(batch)) or 'unknown')])


def _unwrapped(model: nn.Module) -> nn.Module:
    return model.module if is_model_wrapper(model) else model


def _mean(value: Any) -> torch.Tensor | None:
    """Give the number that a loss term contributes, or None for entries that are no loss."""
    if isinstance(value, torch.Tensor):
        return value.detach().float().mean()
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, torch.Tensor) for item in value):
        return torch.stack([item.detach().float().mean() for item in value]).sum()
    if isinstance(value, (int, float)):
        return torch.tensor(float(value))
    return None


def _image_names(batch: Any) -> list[str]:
    """List ids and paths of the images in a batch, from the samples' meta information."""
    samples: Iterable[Any] = ()
    if isinstance(batch, Mapping):
        samples = batch.get('data_samples') or ()
    elif isinstance(batch, (list, tuple)):
        samples = [item['data_samples'] for item in batch if isinstance(item, Mapping) and 'data_samples' in item]
    names = []
    for sample in samples:
        info = getattr(sample, 'metainfo', {})
        if 'img_id' in info or 'img_path' in info:
            names.append(f'{info.get("img_id", "?")} ({info.get("img_path", "no path")})')
    return names
