"""Rendering of one scene: layout, things, light, and the map of segments that goes with the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from .backdrop import paint_backdrop
from .classes import STUFF_CLASSES, THING_CLASSES
from .layout import draw_layout, void_border
from .lighting import light_scene
from .paint import paint_sprite
from .placement import place_crowd, place_things
from .settings import SPLITS, SceneSettings
from .sprites import Sprite

MIN_VISIBLE = 16
_MIN_VISIBLE_SHARE = 0.15
_VOID_SHADE = 0.6


@dataclass(frozen=True)
class Segment:
    """One segment of a scene.

    Attributes:
        category: Index into ``THING_CLASSES + STUFF_CLASSES``.
        iscrowd: Whether the segment is a clump of things that are not told apart.
    """

    category: int
    iscrowd: bool = False


@dataclass
class Scene:
    """A picture and its exact panoptic annotation.

    Attributes:
        image: (height, width, 3) uint8 RGB.
        segment_map: (height, width) int32; 0 is void, n > 0 is the pixel's segment ``segments[n - 1]``.
        segments: Crowd first, then things from back to front, then stuff; every one has pixels in the map.
    """

    image: np.ndarray
    segment_map: np.ndarray
    segments: list[Segment]


def _drop_hidden(sprites: list[Sprite], height: int, width: int) -> list[Sprite]:
    """Leave out things of which too little would be seen, looking from front to back."""
    taken = np.zeros((height, width), bool)
    seen = []
    for sprite in reversed(sprites):
        window = sprite.window(height, width)
        if window is None:
            continue
        mask = sprite.mask
        visible = int(np.count_nonzero(mask[window[1]] & ~taken[window[0]]))
        if visible >= max(MIN_VISIBLE, _MIN_VISIBLE_SHARE * np.count_nonzero(mask)):
            taken[window[0]] |= mask[window[1]]
            seen.append(sprite)
    return seen[::-1]


def _map_stuff(segment_map: np.ndarray, segments: list[Segment], labels: np.ndarray, void: np.ndarray) -> None:
    """Give the stuff that things left free its numbers; a class of which only crumbs are left becomes void."""
    free = (segment_map == 0) & ~void
    for label in range(len(STUFF_CLASSES)):
        region = free & (labels == label)
        if np.count_nonzero(region) >= MIN_VISIBLE:
            segments.append(Segment(len(THING_CLASSES) + label))
            segment_map[region] = len(segments)


def _compose(
    rng: Generator, labels: np.ndarray, sprites: list[Sprite], crowd: tuple[list[Sprite], np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray, list[Segment], np.ndarray]:
    """Paint everything from back to front; give canvas, map, segments so far and void."""
    canvas = paint_backdrop(labels, rng).astype(np.float32)
    void = void_border(labels, rng)
    canvas[void] *= _VOID_SHADE
    segment_map = np.zeros(labels.shape, np.int32)
    segments: list[Segment] = []
    if crowd is not None:
        members, region = crowd
        for sprite in members:
            paint_sprite(canvas, sprite, rng)
        segments.append(Segment(THING_CLASSES.index(members[0].name), iscrowd=True))
        segment_map[region] = len(segments)
    for sprite in sprites:
        paint_sprite(canvas, sprite, rng)
        rows_columns, inside = sprite.window(*labels.shape)
        segments.append(Segment(THING_CLASSES.index(sprite.name)))
        segment_map[rows_columns][sprite.mask[inside]] = len(segments)
    return canvas, segment_map, segments, void


def _crowd_in_sight(
    crowd: tuple[list[Sprite], np.ndarray] | None, sprites: list[Sprite]
) -> tuple[list[Sprite], np.ndarray] | None:
    """Give the crowd, or None where things in front leave too little of it."""
    if crowd is None:
        return None
    left = crowd[1].copy()
    for sprite in sprites:
        rows_columns, inside = sprite.window(*left.shape)
        left[rows_columns] &= ~sprite.mask[inside]
    return crowd if np.count_nonzero(left) >= 4 * MIN_VISIBLE else None


def render_scene(settings: SceneSettings, split: str, index: int) -> Scene:
    """Render image ``index`` of a split.

    Args:
        settings: Seed, size and limits; the numbers of images have no influence.
        split: ``'train'`` or ``'val'``.
        index: Number of the image, from 0.

    Returns:
        The picture and its segments.
    """
    seeds = [settings.seed, SPLITS.index(split), index]
    rng = np.random.default_rng(np.random.SeedSequence(seeds))
    labels = draw_layout(rng, settings.height, settings.width)
    sprites = _drop_hidden(place_things(rng, settings, split), settings.height, settings.width)
    crowd = _crowd_in_sight(place_crowd(rng, settings, split), sprites)
    canvas, segment_map, segments, void = _compose(rng, labels, sprites, crowd)
    _map_stuff(segment_map, segments, labels, void)
    return Scene(light_scene(canvas, rng), segment_map, segments)
