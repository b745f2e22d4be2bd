"""Drawing the instances of an image, annotated or predicted, with their classes and scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .colors import instance_colors
from .labels import draw_labels
from .painting import box_of, fill_masks, fit_inside, hatch_mask, resize_image, resize_mask

__all__ = ['Instances', 'draw_instances']

# About the area of a label, in pixels.
_SMALL_AREA = 2000


@dataclass(frozen=True)
class Instances:
    """Instances of one image.

    Attributes:
        masks: Boolean masks of shape (N, H, W).
        labels: Class indices of shape (N,).
        scores: Scores of shape (N,), or None for annotations.
        crowds: Whether each is a crowd region, of shape (N,), or None for none.
    """

    masks: np.ndarray
    labels: np.ndarray
    scores: np.ndarray | None = None
    crowds: np.ndarray | None = None


def draw_instances(
    image: np.ndarray,
    instances: Instances,
    class_names: Sequence[str],
    palette: Sequence[Sequence[int]],
    frame: tuple[int, int] | None = None,
    max_labels: int = 20,
) -> np.ndarray:
    """Draw masks and labels on an image that is resized to a frame first, so that lines and text stay sharp.

    Args:
        image: RGB image of shape (H, W, 3), uint8.
        instances: What to draw, in the image's resolution.
        class_names: Names of the classes.
        palette: RGB triples of 0..255, one per class.
        frame: Height and width that the result fits into, or None for the image's own size.
        max_labels: How many instances get a label; those of highest score, or largest area, go first.

    Returns:
        A new RGB image of shape (h, w, 3).

    Raises:
        ValueError: If masks and image differ in size or a label has no class name.
    """
    _check(image, instances, class_names)
    size = image.shape[:2] if frame is None else fit_inside(image.shape[:2], frame)
    canvas = resize_image(image, size)
    masks = np.array([resize_mask(mask, size) for mask in instances.masks], dtype=bool).reshape(-1, *size)
    crowds = np.zeros(len(masks), dtype=bool) if instances.crowds is None else instances.crowds.astype(bool)
    colors = instance_colors(instances.labels, palette)
    colors[crowds] = 128
    for mask in masks[crowds]:
        canvas = hatch_mask(canvas, mask)
    canvas = fill_masks(canvas, masks[~crowds], colors[~crowds])

    importance = masks.sum(axis=(1, 2)) if instances.scores is None else instances.scores
    visible = [index for index in np.argsort(-importance, kind='stable') if masks[index].any()]
    chosen = visible[:max_labels]
    texts = [_label_text(instances, index, class_names) for index in chosen]
    boxes = [box_of(masks[index]) for index in chosen]
    return draw_labels(canvas, texts, boxes, colors[chosen], cost=_cost_of_covering(masks))


def _label_text(instances: Instances, index: int, class_names: Sequence[str]) -> str:
    text = class_names[instances.labels[index]]
    if instances.crowds is not None and instances.crowds[index]:
        text += ' (crowd)'
    return text if instances.scores is None else f'{text} {instances.scores[index]:.2f}'


def _cost_of_covering(masks: np.ndarray) -> np.ndarray:
    """Per pixel, 1 on small objects and less on large ones, of which a label hides only a part."""
    cost = np.zeros(masks.shape[1:])
    for mask in masks:
        cost[mask] += min(1.0, _SMALL_AREA / max(1, mask.sum()))
    return cost


def _check(image: np.ndarray, instances: Instances, class_names: Sequence[str]) -> None:
    if len(instances.masks) and instances.masks.shape[1:] != image.shape[:2]:
        raise ValueError(f'masks of size {instances.masks.shape[1:]} do not fit an image of {image.shape[:2]}.')
    if len(instances.labels) and not 0 <= instances.labels.min() <= instances.labels.max() < len(class_names):
        lowest, highest = instances.labels.min(), instances.labels.max()
        raise ValueError(f'labels {lowest}..{highest} do not fit {len(class_names)} class names.')
