"""Prediction on images, folders and videos, and files of what was found."""

from __future__ import annotations

from .prediction import ClassNames, Prediction

__all__ = ['ClassNames', 'Prediction']
