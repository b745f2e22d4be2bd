"""Drawing of a semantic map: the class of every pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .labels import draw_labels, label_size
from .map_drawing import VOID, fill_map, label_box, resize_index_map
from .painting import fit_inside, resize_image

__all__ = ['draw_semantic_map']

# Share of the picture that a class needs to be named in it.
_MIN_NAMED_SHARE = 0.01


def draw_semantic_map(
    image: np.ndarray,
    semantic_map: np.ndarray,
    class_names: Sequence[str],
    colors: Sequence[Sequence[int]],
    frame: tuple[int, int] | None = None,
) -> np.ndarray:
    """Colour every pixel by its class over the image in grey, and name classes that have room for it.

    Args:
        image: RGB image of shape (H, W, 3), uint8.
        semantic_map: Labels of shape (H, W); labels without a class name, such as 255, are void.
        class_names: Names of the classes.
        colors: RGB colours of 0..255, one per class.
        frame: Height and width that the result fits into, or None for the image's own size.

    Returns:
        A new RGB image of shape (h, w, 3). Void is black and hatched.

    Raises:
        ValueError: If map and image differ in size.
    """
    if semantic_map.shape != image.shape[:2]:
        raise ValueError(f'a map of size {semantic_map.shape} does not fit an image of {image.shape[:2]}.')
    index_map = semantic_map.astype(np.int64)
    index_map[(index_map < 0) | (index_map >= len(class_names))] = VOID
    size = image.shape[:2] if frame is None else fit_inside(image.shape[:2], frame)
    index_map, colors = resize_index_map(index_map, size), np.asarray(colors, dtype=np.uint8)
    canvas = fill_map(resize_image(image, size), index_map, colors)

    labels, counts = np.unique(index_map[index_map != VOID], return_counts=True)
    order = np.argsort(-counts, kind='stable')
    named = [int(labels[i]) for i in order if counts[i] >= _MIN_NAMED_SHARE * index_map.size]
    boxes = [label_box(index_map == label, label_size(class_names[label])) for label in named]
    # All places cost the same, so that a label stays in its region.
    cost = np.full(size, 0.1)
    return draw_labels(canvas, [class_names[label] for label in named], boxes, colors[named], cost)
