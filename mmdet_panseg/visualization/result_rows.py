"""Rows and legends of picture sheets: the results of images, annotated and predicted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmdet.visualization.palette import get_palette

from mmdet_panseg.datasets.dataset_classes import DatasetClasses

from .colors import class_palette, map_colors
from .drawing import draw_instances, draw_panoptic_map, draw_semantic_map
from .legend import LegendEntry
from .painting import VOID_SWATCH, fit_inside, resize_image
from .picture_sheet import SheetRow
from .results import ImageResults

INSTANCE_TITLES = ('image', 'ground truth', 'prediction')
PANOPTIC_TITLES = ('image', 'instances', 'semantic map', 'panoptic map')
_MAX_LEGEND = 30


@dataclass(frozen=True)
class DrawnClasses:
    """Names and colours of the classes of a data set.

    Attributes:
        names: Class names, things before stuff.
        num_things: Number of things.
        palette: RGB triples of 0..255, one per class.
    """

    names: Sequence[str]
    num_things: int
    palette: Sequence[Sequence[int]]

    @classmethod
    def of(cls, metainfo: dict) -> DrawnClasses:
        """Read a data set's meta information; without ``thing_classes`` all classes are things."""
        classes = DatasetClasses.from_metainfo({'thing_classes': metainfo['classes'], **metainfo})
        return cls(classes.names, classes.num_things, _palette_of(metainfo.get('palette'), len(classes.names)))

    def colors(self) -> np.ndarray:
        """Give the RGB colours of the classes in all pictures, uint8, shape (C, 3)."""
        labels = np.arange(len(self.names))
        # Each class by itself: its first instance has its colour.
        return np.vstack([map_colors([label], [label < self.num_things], self.palette) for label in labels])


def _palette_of(palette: str | Sequence[Sequence[int]] | None, num_classes: int) -> Sequence[Sequence[int]]:
    """Give a data set's colours, or those of one that mmdet knows by name; others where they are too few."""
    if isinstance(palette, str) and palette in ('coco', 'voc', 'citys'):
        palette = get_palette(palette, 0)
    if palette is None or isinstance(palette, str) or len(palette) < num_classes:
        return class_palette(num_classes)
    return palette


def instance_rows(
    path: str,
    image: np.ndarray,
    truth: ImageResults,
    predicted: ImageResults,
    classes: DrawnClasses,
    score_thr: float,
    frame: tuple[int, int],
) -> list[SheetRow]:
    """Draw one row for one image, for the columns :data:`INSTANCE_TITLES`; both results have instances.

    The arguments are those of :func:`panoptic_rows`.
    """
    found, crowds = len(truth.instances.labels), int(np.count_nonzero(truth.instances.crowds))
    objects = _number(found - crowds, 'object') + (f' and {_number(crowds, "crowd")}' if crowds else '')
    number = len(predicted.instances.labels)
    caption = f'{Path(path).name}   ·   {objects}, {number} found with score ≥ {score_thr:g}'
    drawn = [
        draw_instances(image, part.instances, classes.names, classes.palette, frame) for part in (truth, predicted)
    ]
    return [SheetRow(caption, [_photograph(image, frame), *drawn])]


def panoptic_rows(
    path: str,
    image: np.ndarray,
    truth: ImageResults,
    predicted: ImageResults,
    classes: DrawnClasses,
    score_thr: float,
    frame: tuple[int, int],
) -> list[SheetRow]:
    """Draw two rows for one image: ground truth, and below it the prediction.

    Args:
        path: Image file, for the caption.
        image: RGB image of shape (H, W, 3), uint8.
        truth: Its annotations.
        predicted: What a model predicted.
        classes: The classes.
        score_thr: Lowest score of the predicted instances, for the caption.
        frame: Height and width in pixels that every picture is scaled to fit.

    Returns:
        The rows, for the columns :data:`PANOPTIC_TITLES`. What is not known is left empty.
    """
    annotated = f'ground truth: {_segments(truth)}' if truth.panoptic is not None else 'without ground truth'
    parts = []
    if predicted.instances is not None:
        parts.append(f'{len(predicted.instances.labels)} instances with score ≥ {score_thr:g}')
    if predicted.panoptic is not None:
        parts.append(f'panoptic map of {_segments(predicted)}')
    above = [_photograph(image, frame), *draw_results(image, truth, classes, frame)]
    return [
        SheetRow(f'{Path(path).name}   ·   {annotated}', above),
        SheetRow(
            f'prediction: {", ".join(parts)}', [None, *draw_results(image, predicted, classes, frame)], continues=True
        ),
    ]


def instance_legend(labels: Collection[int], classes: DrawnClasses) -> list[LegendEntry]:
    """Give names and colours of the classes that occur, unless there is nothing to tell apart or too much.

    Args:
        labels: Class indices that occur.
        classes: The classes.

    Returns:
        Entries of the legend.
    """
    colors = classes.colors()
    return [(classes.names[label], colors[label]) for label in sorted(labels)] if 1 < len(labels) <= _MAX_LEGEND else []


def panoptic_legend(labels: Collection[int], classes: DrawnClasses) -> list[LegendEntry]:
    """Give names and colours of the classes that occur, things and stuff apart, and of void.

    Args:
        labels: Class indices that occur; others than those of the classes are left out.
        classes: The classes.

    Returns:
        Entries of the legend.
    """
    colors = classes.colors()
    legend: list[LegendEntry] = []
    for heading, group in (
        ('things', range(classes.num_things)),
        ('stuff', range(classes.num_things, len(classes.names))),
    ):
        entries = [(classes.names[label], colors[label]) for label in group if label in labels]
        legend += [(heading, None), *entries] if entries else []
    return [*legend, ('neither', None), ('void', VOID_SWATCH)]


def _photograph(image: np.ndarray, frame: tuple[int, int]) -> np.ndarray:
    return resize_image(image, fit_inside(image.shape[:2], frame))


def draw_results(
    image: np.ndarray, results: ImageResults, classes: DrawnClasses, frame: tuple[int, int] | None = None
) -> list[np.ndarray | None]:
    """Draw instances, semantic map and panoptic map of an image; None for what is not known.

    Args:
        image: RGB image of shape (H, W, 3), uint8.
        results: What is known about it.
        classes: The classes.
        frame: Height and width in pixels that every picture is scaled to fit; None keeps the size.

    Returns:
        Three RGB pictures, or None.
    """
    instances, semantic, panoptic = results.instances, results.semantic_map, results.panoptic
    names, palette = classes.names, classes.palette
    return [
        None if instances is None else draw_instances(image, instances, names, palette, frame),
        None if semantic is None else draw_semantic_map(image, semantic, names, classes.colors(), frame),
        None if panoptic is None else draw_panoptic_map(image, panoptic, names, palette, frame),
    ]


def _segments(results: ImageResults) -> str:
    panoptic = results.panoptic
    crowds = 0 if panoptic.crowds is None else int(np.count_nonzero(panoptic.crowds))
    things = int(np.count_nonzero(panoptic.is_thing)) - crowds
    counted = [_number(things, 'thing'), *([_number(crowds, 'crowd')] if crowds else [])]
    return f'{", ".join(counted)} and {_number(len(panoptic.labels) - things - crowds, "stuff segment")}'


def _number(count: int, noun: str) -> str:
    return f'{count} {noun}{"s" * (count != 1)}'
