"""A ladder of experiments: a folder of configs that each inherit another one and change one thing."""

from .checks import ladder_problems, require_sound, warn_of_unread_configs
from .comparison import RungRow, compare_rungs, current_results
from .effects import LossEffect, loss_effects
from .effects_table import effects_table
from .noise import NOISE_RULE, Noise, pooled_noise
from .plan import plan_tree, print_plan, rung_command
from .run_jobs import RunJob, plan_jobs
from .run_results import RunResult, read_results
from .run_settings import RunSettings
from .rungs import Ladder, Rung, read_ladder
from .running import InterruptedRunsError, RunsFailedError, run_jobs
from .scenes_version import scenes_config
from .table_files import write_table
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
