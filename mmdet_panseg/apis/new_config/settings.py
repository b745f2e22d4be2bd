"""Settings for a data set, each with the reason and the number that was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .measures import Measures

LEVELS = 5
GRIDS = (8, 10, 12, 14, 16, 20, 24, 28, 32, 36, 40, 48, 56, 64, 80, 96)
"""Numbers of cells along a side to choose from."""

# The recipes' scale ranges, measured by hand: below these sizes a level of the pyramid is too coarse.
_LEAST_BOUNDS = (20.0, 42.0, 63.0, 99.0)
_OVERLAP = 1.2
_LEAST_RATIO = 1.25
_SMALLEST_PART = 0.8
_RESIZED = (0.8, 0.9, 1.0, 1.1, 1.2)
_LARGEST = 2048
_CELL_OF_OBJECT = 0.33
_CELL_OF_LONELY_OBJECT = 0.2
_SMALLEST_CELL_OF_OBJECT = 0.15
_LONELY = 2
_FEW_SHARED = 0.01
_WANTED_SCALE = 28
_WANTED_SCALE_OF_THINGS = 20  # beside stuff, which does with fewer pixels
_SMALL_SCALE = 32
_MOST_ENLARGED = 2
_SMALLEST_INPUT = 128
_STEP = 32
_FULL_BATCH_SIDE = 448
_CROWD = 16
_MANY_OBJECTS = 60
_RECIPE_AREA = 320 * 256
_RECIPE_LR = 8e-4


@dataclass(frozen=True)
class Device:
    """What a recipe is for.

    Attributes:
        name: ``'cpu'`` or ``'gpu'``, the end of the names of recipes.
        side: Longer side of its images in pixels.
        largest: Longest side to choose.
        batch: Images of a batch.
        iterations: Iterations of the recipe.
        views: How often each image is to be seen at least.
        most_views: How often each is to be seen at most.
        most_iterations: Most iterations to choose.
        most_cells: Most cells along a side.
    """

    name: str
    side: int
    largest: int
    batch: int
    iterations: int
    views: int
    most_views: int
    most_iterations: int
    most_cells: int


CPU = Device('cpu', 320, 512, 4, 1000, 8, 100, 4000, 64)
GPU = Device('gpu', 640, 1024, 8, 3000, 24, 200, 30000, 80)


@dataclass(frozen=True)
class Setting:
    """A value and why it is so.

    Attributes:
        value: The value.
        reason: The reason, with what was measured.
    """

    value: object
    reason: str


@dataclass(frozen=True)
class Settings:
    """Settings of a config.

    Attributes:
        side: Longer side of the images that the network sees, in pixels.
        batch: Images of a batch.
        iterations: Iterations of the training.
        lr: Learning rate.
        num_grids: Cells along a side of each level; None without things.
        scale_ranges: Sizes of objects of each level; None without things.
        crowded: Numbers of candidates and results of crowded images; None for the recipe's.
        fusion: Thresholds of the fusion; None for those of the recipe, and without stuff.
    """

    side: Setting
    batch: Setting
    iterations: Setting
    lr: Setting
    num_grids: Setting | None = None
    scale_ranges: Setting | None = None
    crowded: Setting | None = None
    fusion: Setting | None = None


def choose_settings(measures: Measures, device: Device, panoptic: bool) -> Settings:
    """Choose settings for a data set.

    Args:
        measures: Its measures.
        device: What to train on.
        panoptic: Whether there is a semantic branch and fusion.

    Returns:
        The settings.
    """
    side = choose_side(measures, device, _WANTED_SCALE_OF_THINGS if panoptic else _WANTED_SCALE)
    batch = _batch(measures, device, side.value)
    iterations = _iterations(measures, device, side.value, batch.value)
    common = dict(side=side, batch=batch, iterations=iterations, lr=_learning_rate(device, batch.value))
    things = len(measures.scales) > 0
    if things:
        scales = measures.scales * side.value
        ranges = choose_scale_ranges(scales)
        common.update(
            scale_ranges=Setting(ranges, _reason_of_ranges(scales)),
            num_grids=choose_grids(measures, side.value, ranges, device.most_cells),
            crowded=_crowded(measures),
        )
    if panoptic:
        common['fusion'] = _fusion(measures, side.value, things)
    return Settings(**common)


def choose_side(measures: Measures, device: Device, scale: int) -> Setting:
    """Choose the longer side of the network's input in pixels, for a median object of ``scale`` pixels."""
    files = float(np.median(measures.sides))
    most = max(_upwards(_MOST_ENLARGED * files), _SMALLEST_INPUT)
    where = f'files have {files:.0f} pixels along the longer side (median)'
    if not len(measures.scales):
        side = min(device.side, most)
        return Setting(side, f'{where}; the recipe has {device.side}')
    typical = float(np.median(measures.scales))
    wanted = _upwards(scale / typical)
    side = min(max(device.side, min(wanted, device.largest)), most)
    reason = f'{where}, the median object {typical * files:.0f}, which become {typical * side:.0f}'
    if side > device.side:
        reason += f': above the {device.side} of the recipe, for objects of {scale}'
    elif side < device.side:
        reason += f': not enlarged more than {_MOST_ENLARGED} times'
    return Setting(side, reason)


def _upwards(pixels: float) -> int:
    return math.ceil(pixels / _STEP) * _STEP


def choose_scale_ranges(scales: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Choose the sizes of objects that each level learns.

    Each level gets a fifth of the objects, unless a level is too coarse for them: then the finer ones get more.

    Args:
        scales: Square roots of box areas in pixels of the network's input, shape (N,).

    Returns:
        Lower and upper bounds; ranges overlap by a fifth to either side.
    """
    resized = np.outer(_RESIZED, scales).ravel()
    shares = np.arange(1, LEVELS) / LEVELS
    bounds = np.maximum(np.quantile(resized, shares), _LEAST_BOUNDS)
    for level in range(1, LEVELS - 1):
        bounds[level] = max(bounds[level], _LEAST_RATIO * bounds[level - 1])
    # The last level, too, needs objects, and the first as many as it has.
    largest = float(np.quantile(resized, 0.98))
    if bounds[-1] > largest:
        low = min(bounds[0], _SMALLEST_PART * largest)
        power = math.log(largest / low) / math.log(bounds[-1] / bounds[0])
        bounds = low * (bounds / bounds[0]) ** power
    lower = [1, *(_even(bound / _OVERLAP) for bound in bounds)]
    upper = [*(_even(bound * _OVERLAP) for bound in bounds), _LARGEST]
    return tuple(zip(lower, upper, strict=True))


def _even(pixels: float) -> int:
    """Round to something that is read easily."""
    step = 4 if pixels >= 16 else 1
    return max(round(pixels / step) * step, 1)


def _reason_of_ranges(scales: np.ndarray) -> str:
    low, middle, high = (f'{np.quantile(scales, share):.0f}' for share in (0.05, 0.5, 0.95))
    return f'roots of box areas of {len(scales)} objects are {low} to {high} pixels (5 to 95 %), median {middle}'


def choose_grids(measures: Measures, side: int, scale_ranges: Sequence[tuple[int, int]], most_cells: int) -> Setting:
    """Choose the cells along a side of each level's grid.

    A cell has a third of the size of a typical object, a fifth where objects are alone; where more than one of a
    hundred centres share a cell it gets smaller.

    Args:
        measures: Measures of the data.
        side: Longer side of the network's input in pixels.
        scale_ranges: Sizes of objects of each level.
        most_cells: Most cells along a side.

    Returns:
        Numbers of cells, never more for larger objects.
    """
    scales = measures.scales * side
    lonely = np.median(measures.counts[measures.counts > 0]) <= _LONELY
    part = _CELL_OF_LONELY_OBJECT if lonely else _CELL_OF_OBJECT
    choices = [grid for grid in GRIDS if grid <= most_cells]
    grids, shares = [], []
    for low, high in scale_ranges:
        members = (scales >= low) & (scales <= high)
        typical = float(np.median(scales[members])) if members.any() else float(np.clip(np.median(scales), low, high))
        place = int(np.argmin([abs(math.log(side / grid / (part * typical))) for grid in choices]))
        while (
            place + 1 < len(choices)
            and measures.shared_cells(members, choices[place]) > _FEW_SHARED
            and side / choices[place + 1] >= _SMALLEST_CELL_OF_OBJECT * typical
        ):
            place += 1
        grids.append(choices[place])
        shares.append(measures.shared_cells(members, choices[place]))
    grids = [max(grids[level:]) for level in range(len(grids))]
    count = f'{np.median(measures.counts):.0f} objects an image (median), at most {measures.counts.max()}'
    shared = ', '.join(f'{100 * share:.1f}' for share in shares)
    return Setting(grids, f'{count}; {shared} % of the centres of a level share a cell')


def _crowded(measures: Measures) -> Setting | None:
    many = float(np.quantile(measures.counts, 0.99))
    if many <= _MANY_OBJECTS:
        return None
    results = math.ceil(1.5 * many / 100) * 100
    values = dict(nms_pre=5 * results, max_per_img=results, max_cells=5 * results)
    return Setting(values, f'one image of a hundred has {many:.0f} objects or more')


def _batch(measures: Measures, device: Device, side: int) -> Setting:
    batch, reason = device.batch, "the recipe's"
    typical = float(np.median(measures.counts))
    larger = side > _FULL_BATCH_SIDE * device.side / CPU.side
    if larger or typical >= _CROWD:
        batch = device.batch // 2
        reason = f'half of the recipe: {side} pixels and {typical:.0f} objects an image (median)'
    if measures.num_images < batch:
        batch, reason = measures.num_images, f'there are {measures.num_images} images to train on'
    return Setting(batch, reason)


def _iterations(measures: Measures, device: Device, side: int, batch: int) -> Setting:
    """Choose iterations of as many pixels as the recipe's, more for many images and fewer for few."""

    def of_views(views: float) -> int:
        return math.ceil(views * measures.num_images / batch / 100) * 100

    pixels = device.batch * device.side**2 / (batch * side**2)
    usual = round(device.iterations * min(pixels, 1) / 100) * 100
    least = min(usual, max(of_views(device.most_views), 300))
    iterations = min(max(of_views(device.views), least), device.most_iterations)
    views = iterations * batch / measures.num_images
    return Setting(iterations, f'{measures.num_images} images are seen {views:.0f} times each')


def _learning_rate(device: Device, batch: int) -> Setting:
    if batch > 1:
        measured = 'measured with 2 to 4 images a batch' if device is CPU else 'measured on a CPU alone'
        return Setting(_RECIPE_LR, f"the recipes', {measured}; the first thing to try: 1.5e-3")
    return Setting(_RECIPE_LR / 2, "half of the recipes', for a batch of one image")


def _fusion(measures: Measures, side: int, things: bool) -> Setting | None:
    ratio = float(np.median(measures.areas)) / _RECIPE_AREA
    values: dict[str, float] = dict(min_stuff_area=max(round(64 * ratio), 1))
    reason = f'pixels of the files, which have {ratio:.2g} times those of the recipe'
    if things:
        values['min_thing_area'] = max(min(round(16 * ratio), int(np.quantile(measures.pixels, 0.05))), 1)
        typical = float(np.median(measures.scales)) * side
        if typical < _SMALL_SCALE:
            values['score_thr'] = 0.2
            reason += f'; the median thing has {typical:.0f} pixels, and small ones are uncertain'
    return Setting(values, reason)
