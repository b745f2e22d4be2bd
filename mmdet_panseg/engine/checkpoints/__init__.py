"""Checkpoints: opening them safely, comparing them with the model, writing and finding them."""

from __future__ import annotations

from .atomic_backend import AtomicLocalBackend, remove_unfinished_files, write_atomically
from .guard import load_checkpoint_safely
from .loaders import install_checkpoint_guard
from .matching import CheckpointMatch, load_matching, require_match, weights_in
from .resuming import checkpoint_named, find_resume_checkpoint, is_complete, prepare_work_dir_for_resume

__all__ = [
    'AtomicLocalBackend',
    'CheckpointMatch',
    'checkpoint_named',
    'find_resume_checkpoint',
    'install_checkpoint_guard',
    'is_complete',
    'load_checkpoint_safely',
    'load_matching',
    'prepare_work_dir_for_resume',
    'remove_unfinished_files',
    'require_match',
    'weights_in',
    'write_atomically',
]
