"""Reading a config file and its ``_base_`` files, with one line for what is wrong in which of them."""

from __future__ import annotations

import ast
import os
from pathlib import Path

from mmengine.config import Config

from mmdet_panseg.errors import ConfigError

from .one_line import first_cause, frames_of, in_one_line, place_of

_PYTHON = '.py'
_READERS = ('_file2dict', '_parse_lazy_import')  # mmengine's, of files with _base_ and with read_base()


def read_config(path: Path) -> Config:
    """Read a config file, as ``Config.fromfile`` does.

    Args:
        path: Config file.

    Returns:
        The config.

    Raises:
        ConfigError: When the file or one of its ``_base_`` files cannot be read or is its own base, or its code fails.
    """
    files: set[str] = set()
    _look_through(path, (), files)
    try:
        return Config.fromfile(path)
    except Exception as error:  # the code of a config raises what it likes
        raise ConfigError(_explained(error, path, files)) from error


def _look_through(path: Path, above: tuple[str, ...], files: set[str]) -> None:
    """Find what mmengine reports without the file's name, or not before it has called itself a thousand times."""
    name = str(path.resolve())
    if name in above:
        circle = ' -> '.join([*above[above.index(name) :], name])
        raise ConfigError(f'{path}: is its own _base_ ({circle}); take one of these _base_ lines out.')
    if name in files:
        return
    if not path.is_file():
        raise ConfigError(f'{above[-1]}: needs a file that does not exist, {path}; correct its _base_.')
    files |= {name, os.path.abspath(path)}
    _require_python(path)
    try:
        bases = [] if Config._is_lazy_import(str(path)) else Config._get_base_files(str(path))
        # Those of packages, and placeholders of mmengine, are left to it.
        bases = [path.parent / base for base in bases if '::' not in base and '{{' not in base]
    except Exception as error:  # _base_ may be any expression
        raise ConfigError(f'{path}: _base_ cannot be used ({in_one_line(error)}); give paths.') from error
    for base in bases:
        _look_through(base, (*above, name), files)


def _require_python(path: Path) -> None:
    """Refuse files that are no text or, as Python, do not parse."""
    try:
        text = path.read_text('utf-8')
        if path.suffix == _PYTHON:
            ast.parse(text, str(path))
    except OSError as error:
        raise ConfigError(f'{path}: cannot be read ({error.strerror}).') from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b'\n') + 1
        raise ConfigError(f'{path}, line {line}: is not UTF-8; save the file in that encoding.') from error
    except SyntaxError as error:
        raise ConfigError(f'{path}, line {error.lineno}: {in_one_line(error)}.') from error
    except ValueError as error:
        raise ConfigError(f'{path}: is no Python file ({error}).') from error


def _explained(error: Exception, path: Path, files: set[str]) -> str:
    """Say which line of which file failed, or which file and key."""
    if isinstance(error, ImportError) and 'custom modules' in str(error):
        cause = first_cause(error)
        return (
            f'{path}: custom_imports: {in_one_line(cause)}; install the package, or name the folder that holds the '
            'module in PYTHONPATH.'
        )
    frames = list(frames_of(error))
    for frame, line in frames:
        caller = frame.f_back.f_code.co_name if frame.f_back else ''
        if frame.f_code.co_filename in files or caller == _READERS[1] and frame.f_code.co_name == '<module>':
            return f'{frame.f_code.co_filename}, line {line}: {in_one_line(error)}.'
    if any(frame.f_code.co_name == 'import_modules_from_strings' for frame, _ in frames):
        return f'{path}: custom_imports: {in_one_line(error)}{place_of(error)}.'
    # mmengine's own message, which does not name the file that it was reading
    reading = next((frame for frame, _ in frames if frame.f_code.co_name in _READERS), None)
    where = path if reading is None else reading.f_locals['filename']
    if isinstance(error, SyntaxError):
        where = f'{where}, line {error.lineno}'
    return f'{where}: {in_one_line(error)}'
