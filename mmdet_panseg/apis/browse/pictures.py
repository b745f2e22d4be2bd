"""Pictures of a browsed image: objects, semantic map, and the cells of each level."""

from __future__ import annotations

import numpy as np

from mmdet_panseg.visualization import Instances, draw_instances, draw_semantic_map, instance_colors
from mmdet_panseg.visualization.grid_cells import draw_grid_cells

from .sample import BrowsedSample


def sample_pictures(sample: BrowsedSample, frame: tuple[int, int] | None = None) -> dict[str, np.ndarray]:
    """Draw what the network gets of an image.

    Args:
        sample: The image.
        frame: Height and width in pixels that every picture is scaled to fit; None keeps the size.

    Returns:
        RGB pictures by title: the input with its objects, each with its number; ignored ones hatched in grey; the
        semantic map, if there is one; and for each level its grid with the objects that it learns and their cells.
    """
    labels = np.zeros(0, dtype=np.int64) if sample.labels is None else sample.labels
    names, classes = [sample.object_name(index) for index in range(len(labels))], sample.classes
    colors = instance_colors(labels, classes.palette)
    # Each object is a class of its own here, so that it has its number and the same colour in all pictures.
    colors = np.array([instance_colors([0], [color, color])[0] for color in colors], np.uint8).reshape(-1, 3)
    masks = np.concatenate([sample.masks, sample.ignored_masks])
    instances = Instances(masks, np.arange(len(masks)), crowds=np.arange(len(masks)) >= len(labels))
    names += [f'ignored: {classes.names[label]}' for label in sample.ignored_labels]
    palette = [*colors.tolist(), *([128] * 3 for _ in sample.ignored_labels)] or [(128, 128, 128)]
    pictures = {'input and objects': draw_instances(sample.image, instances, names, palette, frame)}
    if sample.semantic_map is not None:
        pictures['semantic map'] = draw_semantic_map(
            sample.image, sample.semantic_map, classes.names, classes.colors(), frame
        )
    for number, level in enumerate(sample.assignment.levels if sample.assignment is not None else ()):
        low, high = level.scale_range
        title = f'level {number}: {level.grid}×{level.grid}, {low:g} to {high:g}'
        covered = sample.assignment.covered
        pictures[title] = draw_grid_cells(
            sample.image, level.grid, covered, level.cells, level.objects, sample.masks, colors, frame
        )
    return pictures
