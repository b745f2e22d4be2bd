"""Outlines of handwritten digits, from the 8x8 scans that come with scikit-learn."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.random import Generator

_UPSAMPLED = 96
_MARGIN = 12
_HELD_OUT = 5  # every fifth scan is kept for validation


@cache
def _scans() -> np.ndarray:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "scenes: the thing class 'digit' is made from scikit-learn's handwritten digits: pip install scikit-learn"
        ) from error
    return load_digits().images.astype(np.float32) / 16.0


def digit_outline(rng: Generator, split: str) -> list[np.ndarray]:
    """Outline of a random handwritten digit; training and validation never share a scan.

    Args:
        rng: Chooses the scan.
        split: ``'train'`` or ``'val'``.

    Returns:
        Contours (outer ones and holes), each (N, 2), about one unit high.

    Raises:
        ImportError: scikit-learn is missing.
    """
    scans = _scans()
    held_out = np.arange(len(scans)) % _HELD_OUT == 0
    indices = np.flatnonzero(held_out if split == 'val' else ~held_out)
    scan = scans[int(rng.choice(indices))]
    large = cv2.resize(scan, (_UPSAMPLED, _UPSAMPLED), interpolation=cv2.INTER_CUBIC)
    large = cv2.GaussianBlur(cv2.copyMakeBorder(large, *[_MARGIN] * 4, cv2.BORDER_CONSTANT), (0, 0), 3)
    contours, _ = cv2.findContours((large > 0.42).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    # Specks of a scan are no part of the figure.
    contours = [cv2.approxPolyDP(c, 0.6, True)[:, 0] for c in contours if cv2.contourArea(c) > 40]
    return [c.astype(np.float64) / _UPSAMPLED for c in contours if len(c) > 2]
