"""From a folder of images and annotations to a config: what ``panseg new`` does."""

from __future__ import annotations

from .config_text import listed_settings
from .new_config import TASKS, NewConfig, new_config
from .recognition import FORMATS

__all__ = ['FORMATS', 'TASKS', 'NewConfig', 'listed_settings', 'new_config']
