"""A ladder of experiments: a folder of configs that each inherit another one and change one thing."""

from __future__ import annotations

from .checks import ladder_problems, require_sound, warn_of_unread_configs
from .effects import LossEffect, loss_effects
from .plan import plan_tree, print_plan, rung_command
from .report.comparison import RungRow, compare_rungs, current_results
from .report.effects_table import effects_table
from .report.noise import NOISE_RULE, Noise, pooled_noise
from .report.table import write_table
from .rungs import Ladder, Rung, read_ladder
from .runs.jobs import RunJob, plan_jobs
from .runs.pool import InterruptedRunsError, RunsFailedError, run_jobs
from .runs.results import RunResult, read_results
from .runs.settings import RunSettings
from .scenes_version import scenes_config
from .trained_rungs import trained_rung, trains

__all__ = [
    'NOISE_RULE',
    'InterruptedRunsError',
    'Ladder',
    'LossEffect',
    'Noise',
    'Rung',
    'RungRow',
    'RunJob',
    'RunResult',
    'RunSettings',
    'RunsFailedError',
    'compare_rungs',
    'current_results',
    'effects_table',
    'ladder_problems',
    'loss_effects',
    'plan_jobs',
    'plan_tree',
    'pooled_noise',
    'print_plan',
    'read_ladder',
    'read_results',
    'require_sound',
    'run_jobs',
    'rung_command',
    'scenes_config',
    'trained_rung',
    'trains',
    'warn_of_unread_configs',
    'write_table',
]
