"""What a model finds in one image, as plain numbers and arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_masks


@dataclass(frozen=True)
class ClassNames:
    """Classes of a model; the index is the label.

    Attributes:
        names: Class names, things before stuff.
        num_things: Number of thing classes.
        palette: RGB triples of 0..255, one per class.
        category_ids: Ids of the categories in files of results, those of the training data; None for 1, 2, ...
    """

    names: tuple[str, ...]
    num_things: int
    palette: list[tuple[int, int, int]]
    category_ids: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.num_things <= len(self.names) or len(self.palette) != len(self.names):
            raise ValueError(
                f'{len(self.names)} class names, of which {self.num_things} are things, and {len(self.palette)} '
                'colours do not fit'
            )

    def category_id(self, label: int) -> int:
        """Give the id of a class in files of results."""
        return int(label + 1 if self.category_ids is None else self.category_ids[label])

    def categories(self) -> list[dict[str, Any]]:
        """List the classes as ``categories`` of a COCO file."""
        return [
            dict(id=self.category_id(label), name=name, isthing=int(label < self.num_things))
            for label, name in enumerate(self.names)
        ]


@dataclass(frozen=True)
class Prediction:
    """Instances, semantic map and panoptic map of one image; what the model does not give is None or empty.

    Attributes:
        name: File name relative to its source ('a/b.jpg'), or 'frame_000012' of a video, 'image_0000' of an array.
        size: Height and width in pixels of the image as it is displayed (EXIF applied).
        classes: The classes.
        boxes: Boxes (x1, y1, x2, y2) in pixels, far sides exclusive, float32, shape (N, 4).
        scores: Scores by falling value, float32, shape (N,).
        labels: Indices into ``classes.names``, int64, shape (N,).
        masks: N masks as COCO's RLE, ``{'size': [H, W], 'counts': bytes}``; empty if the model gives boxes alone.
        semantic_map: Label of each pixel, uint8, shape (H, W); 255 is void.
        panoptic_map: Id of each pixel's segment, int32, shape (H, W); 0 is void.
        segments_info: Per segment ``id``, ``category_id`` (label), ``isthing``, ``score`` (None for stuff), ``area`` in
            pixels and ``bbox`` (x, y, width, height).
        image: RGB image, uint8, shape (H, W, 3), for pictures.
    """

    name: str
    size: tuple[int, int]
    classes: ClassNames
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    masks: list[dict[str, Any]]
    semantic_map: npt.NDArray[np.integer] | None = None
    panoptic_map: npt.NDArray[np.int32] | None = None
    segments_info: list[dict[str, Any]] | None = None
    image: npt.NDArray[np.uint8] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.scores)

    def mask_arrays(self) -> npt.NDArray[np.bool_]:
        """Decode the masks, bool, shape (N, H, W)."""
        if not self.masks:
            return np.zeros((0, *self.size), dtype=bool)
        return np.ascontiguousarray(coco_masks.decode(self.masks).transpose(2, 0, 1)).astype(bool)

    def class_names(self) -> list[str]:
        """Give the class name of each instance."""
        return [self.classes.names[label] for label in self.labels]
