"""Pictures of predictions."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from mmdet_panseg.ops import crop_from_rle
from mmdet_panseg.visualization import Instances, PanopticMap, draw_instances, draw_panoptic_map, draw_semantic_map
from mmdet_panseg.visualization.legend import LegendEntry, legend_strip
from mmdet_panseg.visualization.painting import fit_inside, resize_image
from mmdet_panseg.visualization.result_rows import DrawnClasses, instance_legend, panoptic_legend

from .prediction import Prediction

PICTURE_SIDE = 2048
_GAP = 8
_PAPER = 238


def draw_prediction(
    prediction: Prediction,
    side_by_side: bool = False,
    longest_side: int = PICTURE_SIDE,
    numbers: np.ndarray | None = None,
    legend_of: Collection[int] | None = None,
) -> np.ndarray:
    """Draw what was found over its image: the panoptic map, or else the instances, or else the semantic map.

    Args:
        prediction: What was found, with its image.
        side_by_side: Whether the photograph lies to the left.
        longest_side: Larger images are reduced to so many pixels.
        numbers: Which variation of its class's colour each instance has, shape (N,); None for the next one each.
        legend_of: Labels in the legend; by default those that occur.

    Returns:
        RGB picture, uint8.
    """
    image = prediction.image
    frame = None if max(image.shape[:2]) <= longest_side else (longest_side, longest_side)
    size = fit_inside(image.shape[:2], frame)
    photograph = _reduced_image(image, size)
    classes = DrawnClasses(prediction.classes.names, prediction.classes.num_things, prediction.classes.palette)
    if prediction.panoptic_map is not None:
        found = _panoptic(prediction, size, numbers)
        drawn = draw_panoptic_map(photograph, found, classes.names, classes.palette)
    elif prediction.masks or prediction.semantic_map is None:
        drawn = draw_instances(photograph, _instances(prediction, size, numbers), classes.names, classes.palette)
    else:
        semantic = _reduced(prediction.semantic_map, size)
        drawn = draw_semantic_map(photograph, semantic, classes.names, classes.colors())
    entries = _legend(prediction, classes, legend_of)
    if side_by_side:
        gap = np.full((size[0], _GAP, 3), _PAPER, np.uint8)
        drawn = np.hstack([photograph, gap, drawn])
    return np.vstack([drawn, legend_strip(entries, drawn.shape[1])])


def drawn_objects(prediction: Prediction) -> tuple[np.ndarray, np.ndarray]:
    """Give boxes (x1, y1, x2, y2) and labels of what :func:`draw_prediction` colours, shapes (N, 4) and (N,)."""
    if prediction.panoptic_map is None:
        return prediction.boxes, prediction.labels
    infos = prediction.segments_info or []
    boxes = np.array([info['bbox'] for info in infos], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes, np.array([info['category_id'] for info in infos], np.int64)


def _legend(prediction: Prediction, classes: DrawnClasses, labels: Collection[int] | None) -> list[LegendEntry]:
    if prediction.panoptic_map is None and prediction.semantic_map is None:
        return instance_legend(set(prediction.labels.tolist()) if labels is None else labels, classes)
    if labels is None and prediction.segments_info is not None:
        labels = {segment['category_id'] for segment in prediction.segments_info}
    elif labels is None:
        labels = set(np.unique(prediction.semantic_map).tolist())
    return panoptic_legend(labels, classes)


def _panoptic(prediction: Prediction, size: tuple[int, int], numbers: np.ndarray | None) -> PanopticMap:
    infos = prediction.segments_info or []
    scores = [np.nan if info['score'] is None else info['score'] for info in infos]
    return PanopticMap(
        _reduced(prediction.panoptic_map, size),
        ids=np.array([info['id'] for info in infos], np.int64),
        labels=np.array([info['category_id'] for info in infos], np.int64),
        is_thing=np.array([info['isthing'] for info in infos], bool),
        scores=np.array(scores, float),
        numbers=numbers,
    )


def _instances(prediction: Prediction, size: tuple[int, int], numbers: np.ndarray | None) -> Instances:
    masks = prediction.mask_arrays() if size == prediction.size else _reduced_masks(prediction, size)
    if not prediction.masks:
        masks = _boxes_as_masks(prediction, size)
    return Instances(masks, prediction.labels, prediction.scores, numbers=numbers)


def _reduced_masks(prediction: Prediction, size: tuple[int, int]) -> np.ndarray:
    """Masks at the pixels that are nearest to those of the picture, by way of their boxes."""
    masks = np.zeros((len(prediction.masks), *size), bool)
    rows, columns = (_nearest(of, to) for of, to in zip(prediction.size, size, strict=True))
    for mask, rle in zip(masks, prediction.masks, strict=True):
        crop, (left, top) = crop_from_rle(rle)
        inside_rows = np.flatnonzero((rows >= top) & (rows < top + crop.shape[0]))
        inside_columns = np.flatnonzero((columns >= left) & (columns < left + crop.shape[1]))
        mask[np.ix_(inside_rows, inside_columns)] = crop[
            np.ix_(rows[inside_rows] - top, columns[inside_columns] - left)
        ]
    return masks


def _boxes_as_masks(prediction: Prediction, size: tuple[int, int]) -> np.ndarray:
    """Fill boxes, for models without masks."""
    masks = np.zeros((len(prediction.boxes), *size), bool)
    scale = np.array([size[1] / prediction.size[1], size[0] / prediction.size[0]] * 2)
    for mask, box in zip(masks, prediction.boxes, strict=True):
        x1, y1, x2, y2 = np.rint(box * scale).astype(int)
        mask[max(0, y1) : y2, max(0, x1) : x2] = True
    return masks


def _reduced_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Reduce an image, which may be a view of a BGR one: of that no copy is made in full size."""
    is_view = not image.flags.c_contiguous
    pixels = np.ascontiguousarray(image[..., ::-1] if is_view else image)
    pixels = pixels if size == image.shape[:2] else resize_image(pixels, size)
    return np.ascontiguousarray(pixels[..., ::-1]) if is_view else pixels


def _reduced(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Values at the pixels that are nearest to those of the picture."""
    if values.shape == size:
        return values
    return values[np.ix_(*(_nearest(of, to) for of, to in zip(values.shape, size, strict=True)))]


def _nearest(length: int, reduced: int) -> np.ndarray:
    return ((np.arange(reduced) + 0.5) * length / reduced).astype(np.int64)


def show_picture(picture: np.ndarray, title: str) -> None:
    """Show a picture with matplotlib: in a notebook below the cell, otherwise in a window."""
    from matplotlib import pyplot

    dpi = pyplot.rcParams['figure.dpi']
    figure = pyplot.figure(figsize=(picture.shape[1] / dpi, picture.shape[0] / dpi))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(picture)
    axes.set_title(title)
    axes.set_axis_off()
    pyplot.show()
