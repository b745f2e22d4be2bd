"""Drawing of a panoptic map: things and stuff of an image, annotated or predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .colors import map_colors
from .labels import Box, draw_labels, label_size
from .map_drawing import VOID, fill_map, label_box, resize_index_map
from .painting import box_of, fit_inside, resize_image

__all__ = ['PanopticMap', 'draw_panoptic_map']

# Share of the picture that a stuff segment needs to be named in it.
_MIN_NAMED_SHARE = 0.01
# How many labels a thing must have room for, to be labelled inside.
_MIN_LABELS_INSIDE = 8
# What it costs to cover a pixel with a label: more on things, most on small ones, which a label would hide.
_COST_OF_STUFF = 0.2
_COST_OF_THING = 4000
_MAX_COST_OF_THING = 4.0


@dataclass(frozen=True)
class PanopticMap:
    """The segments of one image.

    Attributes:
        segment_map: Id of each pixel's segment, integers of shape (H, W); pixels of other ids are void.
        ids: Ids of the segments, shape (N,).
        labels: Their class indices, shape (N,).
        is_thing: Whether each is a thing, shape (N,).
        scores: Scores of shape (N,), NaN where there is none, or None for annotations.
        crowds: Whether each is a crowd, shape (N,), or None for none.
    """

    segment_map: np.ndarray
    ids: np.ndarray
    labels: np.ndarray
    is_thing: np.ndarray
    scores: np.ndarray | None = None
    crowds: np.ndarray | None = None

    def index_map(self) -> np.ndarray:
        """Index of each pixel's segment, -1 for void, int64, shape (H, W)."""
        order = np.argsort(self.ids, kind='stable')
        ids = np.asarray(self.ids, dtype=np.int64)[order]
        if not len(ids):
            return np.full(self.segment_map.shape, VOID, dtype=np.int64)
        values = self.segment_map.astype(np.int64)
        place = np.searchsorted(ids, values).clip(max=len(ids) - 1)
        return np.where(ids[place] == values, order[place], VOID)


def draw_panoptic_map(
    image: np.ndarray,
    panoptic: PanopticMap,
    class_names: Sequence[str],
    palette: Sequence[Sequence[int]],
    frame: tuple[int, int] | None = None,
    max_labels: int = 20,
) -> np.ndarray:
    """Colour every segment over the image in grey, things of a class in variations of its colour, and name them.

    Args:
        image: RGB image of shape (H, W, 3), uint8.
        panoptic: Its segments, in the image's resolution.
        class_names: Names of the classes.
        palette: RGB triples of 0..255, one per class.
        frame: Height and width that the result fits into, or None for the image's own size.
        max_labels: How many things get a label; those of highest score, or largest area, go first.

    Returns:
        A new RGB image of shape (h, w, 3). Void is black and hatched; crowds are hatched in their colour.

    Raises:
        ValueError: If map and image differ in size or a label has no class name.
    """
    _check(image, panoptic, class_names)
    size = image.shape[:2] if frame is None else fit_inside(image.shape[:2], frame)
    index_map = resize_index_map(panoptic.index_map(), size)
    is_thing = panoptic.is_thing.astype(bool)
    colors = map_colors(panoptic.labels, is_thing, palette)
    crowds = None if panoptic.crowds is None else panoptic.crowds.astype(bool)
    canvas = fill_map(resize_image(image, size), index_map, colors, crowds)

    areas = np.bincount(index_map[index_map != VOID], minlength=len(colors))
    stuff = [k for k in np.flatnonzero(~is_thing) if areas[k] >= _MIN_NAMED_SHARE * index_map.size]
    importance = areas if panoptic.scores is None else panoptic.scores
    things = [k for k in np.argsort(-importance, kind='stable') if is_thing[k] and areas[k]][:max_labels]
    # Stuff has one best place each; labels of things may lie in many places around.
    chosen = sorted(stuff, key=lambda k: -areas[k]) + things
    texts = [_text(panoptic, k, class_names) for k in chosen]
    boxes = [_box(index_map == k, text, bool(is_thing[k])) for k, text in zip(chosen, texts, strict=True)]
    cost = np.where(is_thing, np.minimum(_MAX_COST_OF_THING, _COST_OF_THING / np.maximum(1, areas)), _COST_OF_STUFF)
    return draw_labels(canvas, texts, boxes, colors[chosen], np.append(cost, _COST_OF_STUFF)[index_map])


def _box(mask: np.ndarray, text: str, is_thing: bool) -> Box:
    """Where the label of a segment belongs: inside stuff and large things, around small things."""
    size = label_size(text)
    inside = label_box(mask, size)
    x0, y0, x1, y1 = (max(0, side) for side in inside)
    fits = np.count_nonzero(mask[y0:y1, x0:x1]) == size[0] * size[1]
    large = np.count_nonzero(mask) > _MIN_LABELS_INSIDE * size[0] * size[1]
    return inside if not is_thing or (fits and large) else box_of(mask)


def _text(panoptic: PanopticMap, index: int, class_names: Sequence[str]) -> str:
    text = class_names[panoptic.labels[index]]
    if panoptic.crowds is not None and panoptic.crowds[index]:
        text += ' (crowd)'
    score = np.nan if panoptic.scores is None else panoptic.scores[index]
    return text if np.isnan(score) else f'{text} {score:.2f}'


def _check(image: np.ndarray, panoptic: PanopticMap, class_names: Sequence[str]) -> None:
    if panoptic.segment_map.shape != image.shape[:2]:
        raise ValueError(f'a map of size {panoptic.segment_map.shape} does not fit an image of {image.shape[:2]}.')
    labels = panoptic.labels
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(class_names):
        raise ValueError(f'labels {labels.min()}..{labels.max()} do not fit {len(class_names)} class names.')
