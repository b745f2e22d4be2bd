"""Configs, a ladder's and a user's alike: reading them and finding what is wrong with them."""

from __future__ import annotations

from .checks import TESTING, TRAINING, require_runnable
from .contradictions import settle_contradictions
from .derived import ClassCounts, derive_settings
from .faults import config_faults_explained
from .loading import apply_options, load_config, warn_of_unknown_options
from .problems import config_problems
from .unknown_arguments import datasets_of

__all__ = [
    'TESTING',
    'TRAINING',
    'ClassCounts',
    'apply_options',
    'config_faults_explained',
    'config_problems',
    'datasets_of',
    'derive_settings',
    'load_config',
    'require_runnable',
    'settle_contradictions',
    'warn_of_unknown_options',
]
