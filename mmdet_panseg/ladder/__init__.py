"""A ladder of experiments: a folder of configs that each inherit another one and change one thing."""

from __future__ import annotations

from .checks import ladder_problems, require_sound, warn_of_unread_configs
from .effects import effects_table, loss_effects
from .learning_curve import CurvePoint, choose_images, plan_curve
from .plan import print_plan
from .reading import read_ladder
from .report.comparison import NOISE_RULE, compare_rungs, current_results, pooled_noise
from .report.learning_curve import write_curve
from .report.table import write_table
from .rungs import Ladder, Rung
from .runs.jobs import plan_jobs
from .runs.pool import RunsFailedError, run_jobs
from .runs.results import RunResult, read_results
from .runs.settings import RunSettings
from .scenes_version import scenes_config

__all__ = [
    'NOISE_RULE',
    'CurvePoint',
    'Ladder',
    'Rung',
    'RunResult',
    'RunSettings',
    'RunsFailedError',
    'choose_images',
    'compare_rungs',
    'current_results',
    'effects_table',
    'ladder_problems',
    'loss_effects',
    'plan_curve',
    'plan_jobs',
    'pooled_noise',
    'print_plan',
    'read_ladder',
    'read_results',
    'require_sound',
    'run_jobs',
    'scenes_config',
    'warn_of_unread_configs',
    'write_curve',
    'write_table',
]
