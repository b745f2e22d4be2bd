"""Files of predictions, written as they come."""

from __future__ import annotations

from .growing_json import GrowingJson
from .png_rows import PngRows
from .result_folder import ResultFolder
from .video_file import VideoFile

__all__ = ['GrowingJson', 'PngRows', 'ResultFolder', 'VideoFile']
