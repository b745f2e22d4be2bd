"""Embedded things-and-stuff scenes: a deterministic generator in standard COCO layout.

Needs NumPy, OpenCV, pycocotools, rich and scikit-learn only; nothing here imports mmdet or torch.
"""

from __future__ import annotations

from .classes import PALETTE, STUFF_CLASSES, THING_CLASSES
from .render import Scene, Segment, render_scene
from .settings import GENERATOR_VERSION, SceneSettings
from .summary import SceneSummary, summarise_scenes
from .writer import make_scenes

__all__ = [
    'GENERATOR_VERSION',
    'PALETTE',
    'STUFF_CLASSES',
    'THING_CLASSES',
    'Scene',
    'SceneSettings',
    'SceneSummary',
    'Segment',
    'make_scenes',
    'render_scene',
    'summarise_scenes',
]
