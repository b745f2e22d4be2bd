"""The same number for the same object from frame to frame, so that its colour stays."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

_LEAST_IOU = 0.3


class SteadyNumbers:
    """Number the instances of each class, by the overlap of their boxes with those of the frame before.

    It keeps colours steady; it is no tracker, and forgets an object that is missed in one frame.
    """

    def __init__(self) -> None:
        self._boxes = np.zeros((0, 4), np.float32)
        self._labels = np.zeros(0, np.int64)
        self._numbers = np.zeros(0, np.int64)

    def __call__(self, boxes: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Give numbers to the instances of the next frame.

        Args:
            boxes: Boxes (x1, y1, x2, y2), shape (N, 4).
            labels: Classes, shape (N,).

        Returns:
            Numbers from 0, each once in a class, int64, shape (N,).
        """
        numbers = np.full(len(labels), -1, np.int64)
        ious = np.where(labels[:, None] == self._labels, box_ious(boxes, self._boxes), 0)
        for now, before in zip(*linear_sum_assignment(-ious), strict=True):
            if ious[now, before] >= _LEAST_IOU:
                numbers[now] = self._numbers[before]
        for index in np.flatnonzero(numbers < 0):
            taken = set(numbers[labels == labels[index]].tolist())
            numbers[index] = next(number for number in range(len(labels) + 1) if number not in taken)
        self._boxes, self._labels, self._numbers = boxes, labels, numbers
        return numbers


def box_ious(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Compute the IoU of each pair of boxes (x1, y1, x2, y2), of shapes (N, 4) and (M, 4), shape (N, M)."""
    near, far = np.maximum(one[:, None, :2], other[:, :2]), np.minimum(one[:, None, 2:], other[:, 2:])
    shared = np.prod(np.clip(far - near, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    return shared / np.maximum(areas[0][:, None] + areas[1] - shared, 1e-9)
