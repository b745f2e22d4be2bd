"""Hooks for mmengine's runner, registered in mmdet's ``HOOKS``."""

from __future__ import annotations

from .atomic_checkpoint_hook import AtomicCheckpointHook
from .average_weights_hook import AverageWeightsHook
from .channels_last_hook import ChannelsLastHook
from .checkpoint_match_hook import CheckpointMatchHook
from .class_count_hook import ClassCountHook
from .evaluation_data_hook import EvaluationDataHook
from .fine_tuning_hook import FineTuningHook
from .fold_batch_norm_hook import FoldBatchNormHook
from .interrupt_hook import InterruptHook
from .non_finite_loss_hook import NonFiniteLossHook
from .random_state_hook import RandomStateHook
from .scale_ranges_hook import ScaleRangesHook
from .skipped_samples_hook import SkippedSamplesHook
from .stop_early_hook import StopEarlyHook
from .training_length_hook import TrainingLengthHook
from .training_logger_hook import TrainingLoggerHook
from .visualization_hook import PanopticVisualizationHook

__all__ = [
    'AtomicCheckpointHook',
    'AverageWeightsHook',
    'ChannelsLastHook',
    'CheckpointMatchHook',
    'ClassCountHook',
    'EvaluationDataHook',
    'FineTuningHook',
    'FoldBatchNormHook',
    'InterruptHook',
    'NonFiniteLossHook',
    'PanopticVisualizationHook',
    'RandomStateHook',
    'ScaleRangesHook',
    'SkippedSamplesHook',
    'StopEarlyHook',
    'TrainingLengthHook',
    'TrainingLoggerHook',
]
