"""Find out what a user means by a source."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmdet_panseg.apis.inference.errors import SourceError
from mmdet_panseg.datasets import LoadCheckedImage
from mmdet_panseg.errors import near_names

from .arrays import ArraySource
from .files import IMAGE_SUFFIXES, FileSource
from .source import Source
from .video import VIDEO_SUFFIXES, VideoSource
from .webcam import WebcamSource

Inputs = str | Path | int | np.ndarray | Sequence[str | Path | np.ndarray]


def open_source(inputs: Inputs, loader: LoadCheckedImage | None = None) -> Source:
    """Find the images or the video that are meant.

    Args:
        inputs: A file, a folder with all below it, a pattern (``'photos/*.jpg'``), an array, a video, the number of a
            camera, or a list of files and arrays.
        loader: What reads image files; by default ``LoadCheckedImage``.

    Returns:
        The source.

    Raises:
        SourceError: If there is nothing of that kind.
    """
    loader = loader or LoadCheckedImage()
    if isinstance(inputs, np.ndarray):
        return ArraySource([inputs])
    if isinstance(inputs, bool) or not isinstance(inputs, (str, Path, int, Sequence)):
        raise SourceError(
            f'{type(inputs).__name__} is no source: give a path, a pattern, an array, a list of these, or the number '
            'of a camera.'
        )
    if isinstance(inputs, int) or isinstance(inputs, str) and inputs.isdigit() and not os.path.exists(inputs):
        return WebcamSource(int(inputs))
    if isinstance(inputs, (str, Path)):
        return _open_path(str(inputs), loader)
    return _open_list(inputs, loader)


def _open_path(name: str, loader: LoadCheckedImage) -> Source:
    if '://' in name:
        raise SourceError(f'{name}: is an address; nothing is downloaded here. Save the file and name its path.')
    path = Path(name).expanduser()
    if path.is_dir():
        return FileSource(_images_below(path), path, loader)
    if path.is_file():
        if path.suffix.lower() in VIDEO_SUFFIXES:
            return VideoSource(path)
        return FileSource([path], path.parent, loader)
    if glob.has_magic(name):
        return _open_pattern(name, loader)
    if path.exists():
        raise SourceError(f'{path}: is neither a file nor a folder.')
    raise SourceError(f'{path}: no such file or folder.{_near(path)}')


def _images_below(folder: Path) -> list[Path]:
    """Image files of a folder and its folders, without hidden ones, by name."""
    found, others = [], []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith('.'))
        for name in sorted(names):
            if not name.startswith('.'):
                (found if name.lower().endswith(IMAGE_SUFFIXES) else others).append(Path(parent, name))
    if not found:
        videos = [path.name for path in others if path.suffix.lower() in VIDEO_SUFFIXES]
        hint = f' It has videos ({videos[0]}): name one of them.' if videos else ''
        raise SourceError(f'{folder}: has no images ({", ".join(IMAGE_SUFFIXES)}) among its {len(others)} files.{hint}')
    return found


def _open_pattern(pattern: str, loader: LoadCheckedImage) -> Source:
    found = [Path(name) for name in sorted(glob.glob(os.path.expanduser(pattern), recursive=True))]
    files = [path for path in found if path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        raise SourceError(f'{pattern}: no image has such a name (looked from {Path.cwd()}).')
    return FileSource(files, _common_folder(files), loader)


def _open_list(inputs: Sequence[Any], loader: LoadCheckedImage) -> Source:
    if not inputs:
        raise SourceError('the list of images is empty.')
    if all(isinstance(item, np.ndarray) for item in inputs):
        return ArraySource(list(inputs))
    if not all(isinstance(item, (str, Path)) for item in inputs):
        raise SourceError('a list of images has paths alone, or arrays alone.')
    paths = [Path(item).expanduser() for item in inputs]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise SourceError(f'{len(missing)} of {len(paths)} images are no files: {", ".join(missing[:3])}.')
    return FileSource(paths, _common_folder(paths), loader)


def _common_folder(paths: Sequence[Path]) -> Path:
    return Path(os.path.commonpath([path.parent for path in paths]))


def _near(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f' The folder {folder} does not exist (looked from {Path.cwd()}).'
    return near_names(path.name, [entry.name for entry in folder.iterdir()])
