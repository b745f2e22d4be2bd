"""Testing a checkpoint: what ``tools/test.py`` does."""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdet.engine.hooks.utils import trigger_visualization_hook
from mmdet.evaluation import DumpDetResults
from mmdet.registry import METRICS
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import print_log

from mmdet_panseg.engine.checkpoints.atomic_backend import write_atomically
from mmdet_panseg.engine.checkpoints.loaders import install_checkpoint_guard
from mmdet_panseg.engine.checkpoints.resuming import checkpoint_named
from mmdet_panseg.engine.config import (
    TESTING,
    config_faults_explained,
    load_config,
    require_runnable,
    settle_contradictions,
)
from mmdet_panseg.engine.config.unknown_arguments import argument_names
from mmdet_panseg.errors import ConfigError

from .launch import (
    build_runner,
    ensure_hook,
    is_main_rank,
    leave_processes,
    use_memory_format,
    use_processes_on_cpu,
)
from .optim.bfloat16_speed import warn_of_slow_bfloat16
from .run_record import write_run_record
from .test_time_augmentation import use_test_time_augmentation

_COCO_LINES = (
    *('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l'),
    *('AR@100', 'AR@300', 'AR@1000', 'AR_s@1000', 'AR_m@1000', 'AR_l@1000'),
)


def run_testing(arguments: argparse.Namespace) -> dict[str, float]:
    """Test as the command line says.

    Args:
        arguments: From ``mmdet_panseg.cli.test.build_parser``.

    Returns:
        Metric by name, as written to the JSON file.

    Raises:
        UserError: When an input or a setting cannot be used.
    """
    os.environ.setdefault('LOCAL_RANK', str(arguments.local_rank))
    install_checkpoint_guard(trust=arguments.trust_checkpoint)
    if arguments.out is not None and not arguments.out.endswith(('.pkl', '.pickle')):
        raise ConfigError(f'--out {arguments.out}: the predictions are a pickle; the name must end with .pkl.')
    config = load_config(arguments.config, arguments.cfg_options, arguments.work_dir)
    require_runnable(config, TESTING)
    settle_contradictions(config)
    config.launcher = arguments.launcher
    config.load_from = checkpoint_named(arguments.checkpoint)
    config.resume = False
    prepare_evaluators(config, arguments.classwise)
    if arguments.show or arguments.show_dir:
        use_painting(config)
        config = trigger_visualization_hook(config, arguments)
    if arguments.tta or arguments.tta_scales:
        use_test_time_augmentation(config, arguments.tta_scales)
    ensure_hook(config, dict(type='CheckpointMatchHook', require_all=True))
    for name in ('ClassCountHook', 'EvaluationDataHook'):
        ensure_hook(config, dict(type=name))
    use_memory_format(config, arguments.channels_last)
    ensure_hook(config, dict(type='FoldBatchNormHook'))
    if arguments.amp:
        use_mixed_precision(config)
    use_processes_on_cpu(config)
    if is_main_rank():
        write_run_record('test', config, vars(arguments))
    with config_faults_explained(config):
        runner = build_runner(config)
        if arguments.out is not None:
            runner.test_evaluator.metrics.append(DumpDetResults(out_file_path=arguments.out))
        metrics = runner.test()
    leave_processes()
    if is_main_rank():
        path = Path(arguments.json or Path(config.work_dir, 'test_metrics.json'))
        _report(metrics, dict(config=arguments.config, checkpoint=config.load_from), path)
    return metrics


def use_mixed_precision(config: Config) -> None:
    """Predict under autocast: bfloat16 on CPUs, float16 on GPUs.

    Args:
        config: The config, changed in place.
    """
    if get_device() == 'cpu':
        warn_of_slow_bfloat16()
    config.test_cfg.fp16 = True


def prepare_evaluators(config: Config, classwise: bool) -> None:
    """Make COCO metrics return all twelve numbers that they print, and all metrics those of each class on request.

    Args:
        config: The config, changed in place; a metric's own ``metric_items`` stay.
        classwise: Whether to set ``classwise`` of the metrics that have this argument.
    """
    evaluators = config.get('test_evaluator') or []
    for evaluator in evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]:
        if evaluator.get('type') in ('CocoMetric', 'CheckedCocoMetric'):
            kinds = evaluator.get('metric', 'bbox')
            if not {'proposal', 'proposal_fast'} & set([kinds] if isinstance(kinds, str) else kinds):
                evaluator.setdefault('metric_items', list(_COCO_LINES))
        if classwise and _takes_classwise(evaluator.get('type')):
            evaluator['classwise'] = True


def _takes_classwise(metric: str | type | None) -> bool:
    """Whether a metric has an argument ``classwise``; what is not a metric is left to the runner's error."""
    kind = METRICS.get(metric) if isinstance(metric, str) else metric
    return kind is not None and 'classwise' in (argument_names(kind) or ())


def use_painting(config: Config) -> None:
    """Take our hook and visualizer for pictures of predictions, where a config has mmdet's or none.

    Args:
        config: The config, changed in place.
    """
    config.setdefault('default_hooks', {})
    config.default_hooks.setdefault('visualization', dict(type='DetVisualizationHook'))
    config.setdefault('visualizer', dict(type='DetLocalVisualizer', name='visualizer'))
    for part, others, ours in (
        (config.default_hooks.visualization, 'DetVisualizationHook', 'PanopticVisualizationHook'),
        (config.visualizer, 'DetLocalVisualizer', 'PanopticLocalVisualizer'),
    ):
        if part.get('type') == others:
            part['type'] = ours


def _report(metrics: Mapping[str, Any], origin: Mapping[str, str], path: Path) -> None:
    if not metrics:
        print_log('no metrics were computed', logger='current')
    record = {**origin, 'metrics': {name: _json_number(value) for name, value in metrics.items()}}
    write_atomically((json.dumps(record, indent=2) + '\n').encode(), path)
    print_log(f'metrics written to {path}', logger='current')


def _json_number(value: Any) -> Any:
    if isinstance(value, (str, bool)) or value is None:
        return value
    number = value.item() if hasattr(value, 'item') else value
    # JSON has no NaN, which COCO uses for classes without objects
    return None if isinstance(number, float) and not math.isfinite(number) else number
