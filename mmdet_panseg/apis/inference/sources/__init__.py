"""Where images come from: files, folders, arrays, videos and cameras."""

from __future__ import annotations

from .files import FileSource
from .opening import open_source
from .source import Source, SourceImage
from .video import VideoSource

__all__ = ['FileSource', 'Source', 'SourceImage', 'VideoSource', 'open_source']
