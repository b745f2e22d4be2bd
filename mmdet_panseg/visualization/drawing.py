"""Drawing of the results of one image: instances, the class of every pixel, and panoptic segments.

The image is resized to a frame first, so that lines and text stay sharp.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .colors import instance_colors, map_colors
from .labels import Box, draw_labels, label_box, label_size
from .painting import (
    VOID,
    box_of,
    fill_map,
    fill_masks,
    fit_inside,
    hatch_mask,
    resize_image,
    resize_index_map,
    resize_mask,
)
from .results import Instances, PanopticMap

# About the area of a label, in pixels.
_SMALL_AREA = 2000
# Share of the picture that a region of stuff needs to be named in it.
_MIN_NAMED_SHARE = 0.01
# How many labels a thing must have room for, to be labelled inside.
_MIN_LABELS_INSIDE = 8
# What it costs to cover a pixel with a label: more on things, most on small ones, which a label would hide.
_COST_OF_STUFF = 0.2
_COST_OF_THING = 4000
_MAX_COST_OF_THING = 4.0


def draw_instances(
    image: np.ndarray,
    instances: Instances,
    class_names: Sequence[str],
    palette: Sequence[Sequence[int]],
    frame: tuple[int, int] | None = None,
    max_labels: int = 20,
) -> np.ndarray:
    """Draw masks and labels on an image.

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
    if len(instances.masks) and instances.masks.shape[1:] != image.shape[:2]:
        raise ValueError(f'masks of size {instances.masks.shape[1:]} do not fit an image of {image.shape[:2]}.')
    _check_labels(instances.labels, class_names)
    size = fit_inside(image.shape[:2], frame)
    canvas = resize_image(image, size)
    masks = np.array([resize_mask(mask, size) for mask in instances.masks], dtype=bool).reshape(-1, *size)
    crowds = np.zeros(len(masks), dtype=bool) if instances.crowds is None else instances.crowds.astype(bool)
    colors = instance_colors(instances.labels, palette, instances.numbers)
    colors[crowds] = 128
    for mask in masks[crowds]:
        canvas = hatch_mask(canvas, mask)
    canvas = fill_masks(canvas, masks[~crowds], colors[~crowds])

    areas = masks.sum(axis=(1, 2))
    chosen = _most_important(instances, areas, areas > 0, max_labels)
    texts = [_text(instances, index, class_names) for index in chosen]
    boxes = [box_of(masks[index]) for index in chosen]
    # 1 on small objects and less on large ones, of which a label hides only a part.
    cost = np.zeros(size)
    for mask, area in zip(masks, areas, strict=True):
        cost[mask] += min(1.0, _SMALL_AREA / max(1, area))
    return draw_labels(canvas, texts, boxes, colors[chosen], cost)


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
    index_map = semantic_map.astype(np.int64)
    index_map[(index_map < 0) | (index_map >= len(class_names))] = VOID
    colors = np.asarray(colors, dtype=np.uint8)
    canvas, index_map = _draw_regions(image, index_map, colors, frame)

    areas = _areas(index_map, len(class_names))
    named = _room_for_names(areas, index_map.size)
    boxes = [label_box(index_map == label, label_size(class_names[label])) for label in named]
    # All places cost the same, so that a label stays in its region.
    cost = np.full(index_map.shape, 0.1)
    return draw_labels(canvas, [class_names[label] for label in named], boxes, colors[named], cost)


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
    _check_labels(panoptic.labels, class_names)
    is_thing = panoptic.is_thing.astype(bool)
    colors = map_colors(panoptic.labels, is_thing, palette, panoptic.numbers)
    crowds = None if panoptic.crowds is None else panoptic.crowds.astype(bool)
    canvas, index_map = _draw_regions(image, panoptic.index_map(), colors, frame, crowds)

    areas = _areas(index_map, len(colors))
    # Stuff has one best place each; labels of things may lie in many places around.
    stuff = [index for index in _room_for_names(areas, index_map.size) if not is_thing[index]]
    chosen = stuff + _most_important(panoptic, areas, is_thing & (areas > 0), max_labels)
    texts = [_text(panoptic, index, class_names) for index in chosen]
    boxes = [_box(index_map == k, text, bool(is_thing[k])) for k, text in zip(chosen, texts, strict=True)]
    cost = np.where(is_thing, np.minimum(_MAX_COST_OF_THING, _COST_OF_THING / np.maximum(1, areas)), _COST_OF_STUFF)
    return draw_labels(canvas, texts, boxes, colors[chosen], np.append(cost, _COST_OF_STUFF)[index_map])


def _check_labels(labels: np.ndarray, class_names: Sequence[str]) -> None:
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(class_names):
        raise ValueError(f'labels {labels.min()}..{labels.max()} do not fit {len(class_names)} class names.')


def _draw_regions(
    image: np.ndarray,
    index_map: np.ndarray,
    colors: np.ndarray,
    frame: tuple[int, int] | None,
    hatched: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Fill an index map over its image; give the picture and the map in its size."""
    if index_map.shape != image.shape[:2]:
        raise ValueError(f'a map of size {index_map.shape} does not fit an image of {image.shape[:2]}.')
    size = fit_inside(image.shape[:2], frame)
    index_map = resize_index_map(index_map, size)
    return fill_map(resize_image(image, size), index_map, colors, hatched), index_map


def _areas(index_map: np.ndarray, num_regions: int) -> np.ndarray:
    return np.bincount(index_map[index_map != VOID], minlength=num_regions)


def _room_for_names(areas: np.ndarray, num_pixels: int) -> list[int]:
    """Regions that are large enough to be named inside, by falling area."""
    return [k for k in np.argsort(-areas, kind='stable').tolist() if areas[k] >= _MIN_NAMED_SHARE * num_pixels]


def _most_important(found: Instances | PanopticMap, areas: np.ndarray, candidates: np.ndarray, most: int) -> list[int]:
    """Choose the first few candidates by falling score, or by falling area without scores."""
    importance = areas if found.scores is None else found.scores
    return [index for index in np.argsort(-importance, kind='stable').tolist() if candidates[index]][:most]


def _text(found: Instances | PanopticMap, index: int, class_names: Sequence[str]) -> str:
    text = class_names[found.labels[index]]
    if found.crowds is not None and found.crowds[index]:
        text += ' (crowd)'
    score = np.nan if found.scores is None else found.scores[index]
    return text if np.isnan(score) else f'{text} {score:.2f}'


def _box(mask: np.ndarray, text: str, is_thing: bool) -> Box:
    """Where the label of a segment belongs: inside stuff and large things, around small things."""
    size = label_size(text)
    inside = label_box(mask, size)
    x0, y0, x1, y1 = (max(0, side) for side in inside)
    fits = np.count_nonzero(mask[y0:y1, x0:x1]) == size[0] * size[1]
    large = np.count_nonzero(mask) > _MIN_LABELS_INSIDE * size[0] * size[1]
    return inside if not is_thing or (fits and large) else box_of(mask)
