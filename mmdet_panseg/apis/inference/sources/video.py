"""A video as a source, by PyAV."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmdet_panseg.apis.inference.errors import SourceError
from mmdet_panseg.errors import UserError

from .source import Source, SourceImage

VIDEO_SUFFIXES = ('.mp4', '.m4v', '.mov', '.avi', '.mkv', '.webm', '.mpg', '.mpeg', '.ts', '.wmv', '.flv', '.3gp')
_USUAL_RATE = Fraction(25)


def import_av() -> ModuleType:
    """Import PyAV.

    Raises:
        UserError: If it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise UserError("videos need PyAV: pip install av (or pip install 'mmdet_panseg[video]').") from error
    return av


@dataclass
class VideoSource(Source):
    """Frames of a video file as a player shows them: turned as its metadata say, with their own times.

    A frame that does not decode is named and counted in ``left_out``, and the others go on.

    Attributes:
        path: The file.
        frame_rate: Frames per second.
    """

    path: Path
    frame_rate: Fraction = field(default=_USUAL_RATE, init=False)

    def __post_init__(self) -> None:
        with self._open() as container:
            stream = self._stream(container)
            self.frame_rate = stream.average_rate or stream.guessed_rate or _USUAL_RATE
            self._number = stream.frames or _frames_by_length(container, self.frame_rate)

    def __len__(self) -> int:
        """Give the number of frames that the file's head says, 0 if it does not."""
        return self._number

    def __iter__(self) -> Iterator[SourceImage]:
        """Decode the frames.

        Raises:
            SourceError: If none of them decodes.
        """
        self.left_out = []
        av, index = import_av(), 0
        with self._open() as container:
            stream = self._stream(container)
            # Threads by frame would tell of a broken frame some frames later.
            stream.thread_type = 'SLICE'
            packets = container.demux(stream)
            start: float | None = None
            while True:
                try:
                    packet = next(packets)
                    frames = packet.decode()
                except StopIteration:
                    break
                except av.error.FFmpegError as error:
                    self._leave_out(index, error)
                    index += 1
                    if isinstance(error, av.error.EOFError):
                        break
                    continue
                for frame in frames:
                    time = float(index / self.frame_rate) if frame.time is None else frame.time
                    start = time if start is None else start
                    yield SourceImage(f'frame_{index:06d}', _upright(frame), time - start)
                    index += 1
        if index == len(self.left_out):
            raise SourceError(f'{self.path}: has no frame that decodes.{" " + self.left_out[0] if index else ""}')

    def _open(self) -> Any:
        av = import_av()
        try:
            return av.open(str(self.path))
        except (av.error.FFmpegError, OSError) as error:
            raise SourceError(f'{self.path}: cannot be read as a video ({error}); copy it again.') from error

    def _stream(self, container: Any) -> Any:
        if not container.streams.video:
            raise SourceError(f'{self.path}: has no pictures, only sound or text.')
        return container.streams.video[0]

    def _leave_out(self, index: int, error: Exception) -> None:
        text = f'frame_{index:06d} of {self.path} does not decode ({type(error).__name__})'
        self.left_out.append(text)
        print_log(f'left out: {text}', logger='current', level=logging.WARNING)


def _frames_by_length(container: Any, rate: Fraction) -> int:
    # In units of a millionth of a second.
    return 0 if container.duration is None else round(container.duration * rate / 1_000_000)


def _upright(frame: Any) -> np.ndarray:
    """Give a frame's pixels, BGR, turned as the file's metadata ask for."""
    pixels = frame.to_ndarray(format='bgr24')
    quarters = round((getattr(frame, 'rotation', 0) or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, quarters)) if quarters else pixels
