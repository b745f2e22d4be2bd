"""Training from a config: what ``tools/train.py`` does."""

from __future__ import annotations

import argparse
import os
from contextlib import nullcontext

from mmengine.config import Config
from mmengine.device import is_cuda_available, is_mlu_available, is_musa_available, is_npu_available
from mmengine.logging import print_log
from torch import nn

from mmdet_panseg.engine.checkpoints.loaders import install_checkpoint_guard
from mmdet_panseg.engine.checkpoints.resuming import find_resume_checkpoint, prepare_work_dir_for_resume
from mmdet_panseg.engine.config import (
    TRAINING,
    config_faults_explained,
    load_config,
    require_runnable,
    settle_contradictions,
)
from mmdet_panseg.engine.hooks.interrupt_hook import signals_restored
from mmdet_panseg.errors import ConfigError

from .cpu_memory import keep_freed_memory
from .errors import CheckpointError
from .folder_lock import hold_folder
from .launch import (
    build_runner,
    build_training,
    ensure_hook,
    is_main_rank,
    leave_processes,
    use_memory_format,
    use_processes_on_cpu,
)
from .optim.bfloat16_speed import warn_of_slow_bfloat16
from .run_record import write_run_record

_HOOKS = (
    *('NonFiniteLossHook', 'CheckpointMatchHook', 'ClassCountHook', 'EvaluationDataHook', 'SkippedSamplesHook'),
    *('RandomStateHook', 'ScaleRangesHook', 'TrainingLengthHook'),
)
_PLAIN_OPTIM_WRAPPERS = (None, 'OptimWrapper', 'AmpOptimWrapper', 'CPUAmpOptimWrapper')


def run_training(arguments: argparse.Namespace) -> nn.Module:
    """Train as the command line says.

    Args:
        arguments: From ``mmdet_panseg.cli.train.build_parser``.

    Returns:
        The trained model.

    Raises:
        UserError: When an input or a setting cannot be used.
    """
    os.environ.setdefault('LOCAL_RANK', str(arguments.local_rank))
    install_checkpoint_guard(trust=arguments.trust_checkpoint)
    keep_freed_memory()
    config = load_config(arguments.config, arguments.cfg_options, arguments.work_dir)
    require_runnable(config, TRAINING)
    settle_contradictions(config)
    config.launcher = arguments.launcher
    if arguments.amp:
        use_mixed_precision(config)
    if arguments.auto_scale_lr:
        use_scaled_learning_rate(config)
    harden_training(config)
    ensure_hook(config, dict(type='InterruptHook'))
    use_memory_format(config, arguments.channels_last)
    use_processes_on_cpu(config)
    with hold_folder(config.work_dir) if is_main_rank() else nullcontext(), signals_restored():
        set_resume_checkpoint(config, arguments.resume)
        if is_main_rank():
            write_run_record('train', config, vars(arguments))
        with config_faults_explained(config):
            runner = build_runner(config)
            build_training(runner)
            model = runner.train()
    leave_processes()
    return model


def use_mixed_precision(config: Config) -> None:
    """Choose the optimizer wrapper for ``--amp``: mmengine's on an accelerator, bfloat16 autocast on a CPU.

    Args:
        config: The config, changed in place.

    Raises:
        ConfigError: When the config has an optimizer wrapper of another type, which would be lost.
    """
    wrapper = config.optim_wrapper
    if wrapper.get('type') not in _PLAIN_OPTIM_WRAPPERS:
        raise ConfigError(f'--amp: does not go with optim_wrapper.type={wrapper.type!r}; use OptimWrapper.')
    if is_cuda_available() or is_npu_available() or is_mlu_available() or is_musa_available():
        wrapper.type = 'AmpOptimWrapper'
        wrapper.setdefault('loss_scale', 'dynamic')
    else:
        wrapper.type = 'CPUAmpOptimWrapper'
        for name in ('loss_scale', 'dtype', 'use_fsdp'):
            wrapper.pop(name, None)
        warn_of_slow_bfloat16()


def use_scaled_learning_rate(config: Config) -> None:
    """Switch ``auto_scale_lr`` on.

    Args:
        config: The config, changed in place.

    Raises:
        ConfigError: When the config does not say for which batch size its learning rate is.
    """
    if 'base_batch_size' not in (config.get('auto_scale_lr') or {}):
        raise ConfigError(
            '--auto-scale-lr: the config does not say for which total batch size its learning rate is; '
            'set auto_scale_lr=dict(base_batch_size=16, enable=False).'
        )
    config.auto_scale_lr.enable = True


def harden_training(config: Config) -> None:
    """Add the checks, the atomic checkpoints and the repeatable random numbers to a config that does not have them.

    Args:
        config: The config, changed in place.
    """
    config.setdefault('default_hooks', {})
    config.default_hooks.setdefault('checkpoint', dict(type='CheckpointHook', interval=1))
    checkpoint = config.default_hooks.checkpoint
    if checkpoint is not None and checkpoint.get('type') == 'CheckpointHook':
        checkpoint['type'] = 'AtomicCheckpointHook'
    for name in _HOOKS:
        ensure_hook(config, dict(type=name))


def set_resume_checkpoint(config: Config, resume: str | None) -> None:
    """Put the checkpoint to resume from into the config, if there is one.

    Args:
        config: The config, changed in place; its own ``resume=True`` counts as ``auto`` unless it has
            ``load_from``.
        resume: None, ``auto``, or a checkpoint.

    Raises:
        CheckpointError: When the named checkpoint does not exist.
    """
    if resume is None and config.get('resume') and not config.get('load_from'):
        resume = 'auto'
    if resume is None:
        return
    out_dir = _checkpoint_folder(config)
    if is_main_rank():
        prepare_work_dir_for_resume(config.work_dir, out_dir)
    if resume != 'auto':
        if '://' not in resume and not os.path.isfile(os.path.expanduser(resume)):
            raise CheckpointError(f'--resume {resume}: no such checkpoint file.')
        found: str | None = resume
    else:
        found = find_resume_checkpoint(config.work_dir, out_dir)
        if found is None:
            print_log(
                f'--resume: no complete checkpoint in {config.work_dir}; training starts from the beginning',
                logger='current',
            )
    config.resume = found is not None
    if found is not None:
        config.load_from = found


def _checkpoint_folder(config: Config) -> str | None:
    out_dir = (config.get('default_hooks', {}).get('checkpoint') or {}).get('out_dir')
    if out_dir is None or '://' in str(out_dir):
        return None
    return os.path.join(out_dir, os.path.basename(os.path.abspath(config.work_dir)))
