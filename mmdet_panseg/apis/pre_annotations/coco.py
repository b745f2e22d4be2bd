"""Predictions as a COCO file of instances."""

from __future__ import annotations

from typing import Any

from pycocotools import mask as mask_utils

from mmdet_panseg.apis.inference.prediction import Prediction
from mmdet_panseg.datasets.coco.records import thing_categories
from mmdet_panseg.ops import join_rings

from .categories import coco_categories
from .found_objects import FoundObject, found_things
from .growing_file import GrowingList
from .writer import PreAnnotationWriter


class CocoWriter(PreAnnotationWriter):
    """Write ``instances.json``: masks as RLE, or a polygon for each part with its holes cut out by a slit."""

    outputs = ('instances.json',)
    next_step = "Any tool that reads COCO takes instances.json; each annotation has its score beside COCO's keys."

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._annotations = GrowingList(self.folder / self.outputs[0], 'annotations')
        self._images: list[dict[str, Any]] = []
        self._next_id = 1
        self._categories = coco_categories(self.classes)

    def add(self, prediction: Prediction) -> int:
        """Add an image and its annotations."""
        image_id = len(self._images) + 1
        records = [self._record(found, image_id) for found in found_things(prediction)]
        height, width = prediction.size
        self._images.append(dict(id=image_id, file_name=prediction.name, width=width, height=height))
        for record in records:
            # COCO's evaluation takes a match with id 0 for no match.
            self._annotations.add(dict(id=self._next_id, **record))
            self._next_id += 1
        return len(records)

    def close(self) -> None:
        """Write images and categories, and finish."""
        self._annotations.close(
            images=self._images,
            categories=thing_categories(self._categories),
            info=dict(description=f'Predictions of {self.model_version}'),
        )

    def _record(self, found: FoundObject, image_id: int) -> dict[str, Any]:
        return dict(
            image_id=image_id,
            category_id=self._categories[found.label]['id'],
            segmentation=self._segmentation(found),
            area=int(mask_utils.area(found.rle)),
            bbox=mask_utils.toBbox(found.rle).tolist(),
            iscrowd=0,
            score=found.score,
        )

    def _segmentation(self, found: FoundObject) -> Any:
        if self.shapes == 'masks':
            return dict(size=list(found.rle['size']), counts=found.rle['counts'].decode('ascii'))
        return [join_rings([part.outline, *part.holes]).round(2).flatten().tolist() for part in found.parts()]
