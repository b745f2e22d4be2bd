"""A camera as a source."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import cv2

from mmdet_panseg.apis.inference.errors import SourceError

from .source import Source, SourceImage

_USUAL_RATE = Fraction(30)


@dataclass
class WebcamSource(Source):
    """Frames of a camera until it stops or the reader does; frames that come while nobody reads are dropped.

    Attributes:
        number: Number of the camera, 0 for the first.
        frame_rate: What its driver says, or 30; frames have their own times.
    """

    number: int
    frame_rate: Fraction = _USUAL_RATE

    def __iter__(self) -> Iterator[SourceImage]:
        """Read frames.

        Raises:
            SourceError: If the camera does not open.
        """
        camera = cv2.VideoCapture(self.number)
        try:
            if not camera.isOpened():
                raise SourceError(f'camera {self.number}: does not open; is it there, and does no program use it?')
            # One frame alone waits: what is predicted on is what is seen now.
            camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            start, index = time.monotonic(), 0
            while True:
                good, frame = camera.read()
                if not good:
                    return
                yield SourceImage(f'frame_{index:06d}', frame, time.monotonic() - start)
                index += 1
        finally:
            camera.release()
