"""What runs a model: hooks, optimizer wrappers, checkpoints, and the start of training and testing.

Importing it registers the hooks and the optimizer wrapper in mmdet's registries.
"""

from __future__ import annotations

from mmdet_panseg.errors import ConfigError, UserError

from .checkpoints import find_resume_checkpoint, install_checkpoint_guard, load_checkpoint_safely, write_atomically
from .config import ClassCounts, derive_settings, load_config
from .errors import CheckpointError, NonFiniteError, run_command
from .hooks import (
    AtomicCheckpointHook,
    ChannelsLastHook,
    CheckpointMatchHook,
    ClassCountHook,
    FineTuningHook,
    NonFiniteLossHook,
    SkippedSamplesHook,
    TrainingLoggerHook,
)
from .launch import build_runner, use_processes_on_cpu
from .optim import CosineDecayLR, CPUAmpOptimWrapper, StepDecayLR, WarmupLR
from .run_record import write_run_record
from .training import use_mixed_precision

__all__ = [
    'AtomicCheckpointHook',
    'CPUAmpOptimWrapper',
    'ChannelsLastHook',
    'CheckpointError',
    'CheckpointMatchHook',
    'ClassCountHook',
    'ClassCounts',
    'ConfigError',
    'CosineDecayLR',
    'FineTuningHook',
    'NonFiniteError',
    'NonFiniteLossHook',
    'SkippedSamplesHook',
    'StepDecayLR',
    'TrainingLoggerHook',
    'UserError',
    'WarmupLR',
    'build_runner',
    'derive_settings',
    'find_resume_checkpoint',
    'install_checkpoint_guard',
    'load_checkpoint_safely',
    'load_config',
    'run_command',
    'use_mixed_precision',
    'use_processes_on_cpu',
    'write_atomically',
    'write_run_record',
]
