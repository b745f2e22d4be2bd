"""Curves of trainings: read from mmengine's logs, drawn, and in a table."""

from __future__ import annotations

from .logs import Curve, RunLog, choose_keys, read_run, read_runs
from .picture import curves_picture
from .table import best_value, curves_table

__all__ = ['Curve', 'RunLog', 'best_value', 'choose_keys', 'curves_picture', 'curves_table', 'read_run', 'read_runs']
