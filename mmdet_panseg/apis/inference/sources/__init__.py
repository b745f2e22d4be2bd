"""Where images come from: files, folders, arrays, videos and cameras."""

from __future__ import annotations

from .opening import open_source
from .source import Source, SourceImage
from .video import VideoSource

__all__ = ['Source', 'SourceImage', 'VideoSource', 'open_source']
