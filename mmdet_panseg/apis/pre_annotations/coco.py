"""Predictions as a COCO file of instances."""

from __future__ import annotations

from mmdet_panseg.apis.inference.coco_records import instance_records
from mmdet_panseg.apis.inference.output.growing_json import GrowingJson
from mmdet_panseg.apis.inference.prediction import Prediction
from mmdet_panseg.ops import join_rings

from .found_objects import FoundObject, found_things
from .writer import PreAnnotationWriter


class CocoWriter(PreAnnotationWriter):
    """Write ``instances.json``: masks as RLE, or a polygon for each part with its holes cut out by a slit."""

    outputs = ('instances.json',)
    next_step = "Any tool that reads COCO takes instances.json; each annotation has its score beside COCO's keys."

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = GrowingJson(self.folder / self.outputs[0], self.classes.categories()[: self.classes.num_things])
        self._images = self._objects = 0

    def add(self, prediction: Prediction) -> int:
        """Add an image and its annotations."""
        self._images += 1
        records = instance_records(prediction, self._images, self._objects + 1)
        if self.shapes == 'polygons':
            for record, found in zip(records, found_things(prediction), strict=True):
                record['segmentation'] = _polygons(found)
        height, width = prediction.size
        self._file.add(dict(id=self._images, file_name=prediction.name, height=height, width=width), records)
        self._objects += len(records)
        return len(records)

    def close(self) -> None:
        """Write what is left."""
        self._file.close()


def _polygons(found: FoundObject) -> list[list[float]]:
    return [join_rings([part.outline, *part.holes]).round(2).flatten().tolist() for part in found.parts()]
