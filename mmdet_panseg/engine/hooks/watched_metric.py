"""Look up the metric that a hook watches, where mmengine fails with a ``KeyError`` or goes on in silence."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.runner import Runner

from mmdet_panseg.errors import ConfigError, near_names


def require_evaluator_of(key: str, runner: Runner, setting: str) -> None:
    """Refuse, before the training, a metric that belongs to no table of the validation.

    Args:
        key: Name of the metric, such as ``coco/segm_mAP``.
        runner: The runner, with its validation.
        setting: Key of the config that names the metric, for the message.

    Raises:
        ConfigError: If there is no validation, or none of its metrics has the beginning of the name.
    """
    if runner.val_loop is None:
        raise ConfigError(f'{setting}={key!r}: there is no validation; set val_dataloader, val_cfg and val_evaluator.')
    tables = [metric.prefix for metric in runner.val_evaluator.metrics]
    if all(tables) and not any(key.startswith(f'{table}/') for table in tables):
        names = ', '.join(f'{table}/{key.rpartition("/")[2]}' for table in dict.fromkeys(tables))
        raise ConfigError(f'{setting}={key!r}: val_evaluator has no such metric; names begin as in {names}.')


def watched_metric(key: str, metrics: Mapping[str, float], setting: str) -> float | None:
    """Give the value of a metric after a validation.

    Args:
        key: Its name.
        metrics: What the validation gives.
        setting: Key of the config that names the metric, for the message.

    Returns:
        The value; None where its whole table is missing, as mmdet leaves it out for a model that finds nothing.

    Raises:
        ConfigError: If the table has other metrics, but not this one.
    """
    table = key.rpartition('/')[0]
    beside = [name for name in metrics if name.rpartition('/')[0] == table]
    if key in metrics or not beside:
        return metrics.get(key)
    near = near_names(key, beside) or f' It gives {", ".join(beside)}.'
    raise ConfigError(f'{setting}={key!r}: the validation gives no such metric.{near}')
