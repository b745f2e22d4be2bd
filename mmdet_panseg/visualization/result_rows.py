"""Rows of a picture sheet for panoptic segmentation: ground truth above prediction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .colors import class_palette, map_colors
from .drawing import PanopticMap, draw_panoptic_map
from .instance_drawing import draw_instances
from .map_drawing import VOID_SWATCH
from .painting import fit_inside, resize_image
from .picture_sheet import LegendEntry, SheetRow
from .results import PanopticResults
from .semantic_drawing import draw_semantic_map

__all__ = ['PANOPTIC_TITLES', 'PanopticPalette', 'panoptic_legend', 'panoptic_rows']

PANOPTIC_TITLES = ('image', 'instances', 'semantic map', 'panoptic map')


@dataclass(frozen=True)
class PanopticPalette:
    """Names and colours of the classes of a panoptic data set.

    Attributes:
        names: Class names, things before stuff.
        num_things: Number of things.
        palette: RGB triples of 0..255, one per class.
    """

    names: Sequence[str]
    num_things: int
    palette: Sequence[Sequence[int]]

    @classmethod
    def of(cls, metainfo: dict) -> PanopticPalette:
        """The classes of a data set's meta information."""
        names, things = metainfo['classes'], set(metainfo['thing_classes'])
        return cls(names, sum(name in things for name in names), metainfo.get('palette') or class_palette(len(names)))

    def colors(self) -> np.ndarray:
        """RGB colours of the classes in all pictures, uint8, shape (C, 3)."""
        labels = np.arange(len(self.names))
        # Each class by itself: its first instance has its colour.
        return np.vstack([map_colors([label], [label < self.num_things], self.palette) for label in labels])


def panoptic_rows(
    path: str,
    image: np.ndarray,
    truth: PanopticResults,
    predicted: PanopticResults,
    classes: PanopticPalette,
    score_thr: float,
    frame: tuple[int, int],
) -> list[SheetRow]:
    """Two rows for one image: ground truth, and below it the prediction.

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
    photograph = resize_image(image, fit_inside(image.shape[:2], frame))
    name = Path(path).name
    annotated = f'ground truth: {_count(truth.panoptic)}' if truth.panoptic is not None else 'without ground truth'
    parts = []
    if predicted.instances is not None:
        parts.append(f'{len(predicted.instances.labels)} instances with score ≥ {score_thr:g}')
    if predicted.panoptic is not None:
        parts.append(f'panoptic map of {_count(predicted.panoptic)}')
    return [
        SheetRow(f'{name}   ·   {annotated}', [photograph, *_pictures(image, truth, classes, frame)]),
        SheetRow(
            f'prediction: {", ".join(parts)}', [None, *_pictures(image, predicted, classes, frame)], continues=True
        ),
    ]


def panoptic_legend(labels: Collection[int], classes: PanopticPalette) -> list[LegendEntry]:
    """Names and colours of the classes that occur, things and stuff apart, and of void.

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


def _pictures(
    image: np.ndarray, results: PanopticResults, classes: PanopticPalette, frame: tuple[int, int]
) -> list[np.ndarray | None]:
    instances, semantic, panoptic = results.instances, results.semantic_map, results.panoptic
    names, palette = classes.names, classes.palette
    return [
        None if instances is None else draw_instances(image, instances, names, palette, frame),
        None if semantic is None else draw_semantic_map(image, semantic, names, classes.colors(), frame),
        None if panoptic is None else draw_panoptic_map(image, panoptic, names, palette, frame),
    ]


def _count(panoptic: PanopticMap) -> str:
    crowds = 0 if panoptic.crowds is None else int(np.count_nonzero(panoptic.crowds))
    things = int(np.count_nonzero(panoptic.is_thing)) - crowds
    stuff = len(panoptic.labels) - things - crowds
    counted = f'{things} thing{"s" * (things != 1)}'
    if crowds:
        counted += f', {crowds} crowd{"s" * (crowds != 1)}'
    return f'{counted} and {stuff} stuff segment{"s" * (stuff != 1)}'
