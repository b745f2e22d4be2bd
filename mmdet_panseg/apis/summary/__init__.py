"""What a model has and takes: parameters, multiply-adds and memory."""

from __future__ import annotations

from .model_summary import ModelSummary, ModuleCost, summarise_model
from .table import summary_table

__all__ = ['ModelSummary', 'ModuleCost', 'summarise_model', 'summary_table']
