"""H.264 video of pictures, by PyAV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np

from mmdet_panseg.apis.inference.sources.video import import_av

# Times are kept to a 90000th of a second, as broadcasting does.
_CLOCK = Fraction(1, 90000)
_QUALITY = '20'
# A second each, on the disk at once.
_IN_FRAGMENTS = dict(movflags='frag_keyframe+empty_moov+default_base_moof', frag_duration='1000000', flush_packets='1')


class VideoFile:
    """Write an MP4 whose frames have the times of the original.

    The file is written in fragments, so that what was written can be played if the program is stopped. H.264 wants even
    sides: odd ones get a pixel more, like that beside it.

    Args:
        path: The file; its folder is made.
        frame_rate: Frames per second.
    """

    def __init__(self, path: Path, frame_rate: Fraction) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.frame_rate = path, Fraction(frame_rate)
        self._av = import_av()
        self._container = self._av.open(str(path), 'w', format='mp4', options=_IN_FRAGMENTS)
        self._stream = None
        self._last = -1

    def write(self, picture: np.ndarray, time: float | None = None) -> None:
        """Write the next frame.

        Args:
            picture: RGB, uint8, shape (H, W, 3), of the size of the first one.
            time: Seconds from the start; by default one frame after the last.
        """
        picture = np.pad(picture, ((0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)), mode='edge')
        if self._stream is None:
            self._stream = self._open_stream(picture.shape[:2])
        frame = self._av.VideoFrame.from_ndarray(picture, format='rgb24')
        step = max(1, round(1 / (self.frame_rate * _CLOCK)))
        ticks = self._last + step if time is None else round(time / _CLOCK)
        # Times that do not rise are refused by the format.
        self._last = frame.pts = max(ticks, self._last + 1)
        frame.time_base = _CLOCK
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def close(self) -> None:
        """Complete the file."""
        if self._stream is not None:
            for packet in self._stream.encode():
                self._container.mux(packet)
        self._container.close()

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _open_stream(self, size: tuple[int, int]):
        stream = self._container.add_stream('libx264', rate=self.frame_rate)
        stream.height, stream.width = size
        # What every player shows.
        stream.pix_fmt = 'yuv420p'
        stream.codec_context.time_base = _CLOCK
        stream.codec_context.options = {'crf': _QUALITY, 'preset': 'veryfast'}
        return stream
