"""Predictions as annotations of CVAT, "CVAT for images 1.1"."""

from __future__ import annotations

import json
from collections.abc import Iterator
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from mmdet_panseg.apis.inference.prediction import Prediction
from mmdet_panseg.datasets.coco.records import tight_box
from mmdet_panseg.engine import write_atomically
from mmdet_panseg.ops import join_rings

from .found_objects import FoundObject, found_stuff, found_things
from .growing_file import GrowingFile
from .writer import PreAnnotationWriter


class CvatWriter(PreAnnotationWriter):
    """Write ``cvat.xml``, and ``cvat_labels.json`` with which a task gets the labels."""

    outputs = ('cvat.xml', 'cvat_labels.json')
    next_step = (
        'In CVAT: make a task of the images with the labels of cvat_labels.json (Raw), then Menu > Upload annotations '
        '> CVAT 1.1, cvat.xml. Images are found by their names.'
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        labels = [
            dict(name=name, color='#{:02x}{:02x}{:02x}'.format(*colour), type='any', attributes=[])
            for name, colour in zip(self.classes.names, self.classes.palette, strict=True)
        ]
        write_atomically(
            (json.dumps(labels, indent=1, ensure_ascii=False) + '\n').encode(), self.folder / self.outputs[1]
        )
        self._file = GrowingFile(self.folder / self.outputs[0])
        self._file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
        self._file.write(_text(_meta(labels)))
        self._number = 0

    def add(self, prediction: Prediction) -> int:
        """Add an image and its shapes."""
        height, width = prediction.size
        image = ElementTree.Element(
            'image', id=str(self._number), name=prediction.name, width=str(width), height=str(height)
        )
        objects = [*found_stuff(prediction), *found_things(prediction)]
        for place, found in enumerate(objects):
            image.extend(self._shapes(found, group=place + 1))
        self._file.write(_text(image))
        self._number += 1
        return len(objects)

    def close(self) -> None:
        """End the file."""
        self._file.write('</annotations>\n')
        self._file.close()

    def _shapes(self, found: FoundObject, group: int) -> Iterator[ElementTree.Element]:
        """Make the shapes of an object: its mask, or a polygon for each part, all in one group."""
        shared = dict(label=self.classes.names[found.label], source='auto', occluded='0', z_order='0')
        if self.shapes == 'masks':
            yield ElementTree.Element('mask', {**shared, **_mask_attributes(found.mask())})
            return
        parts = found.parts()
        if len(parts) > 1:
            shared['group_id'] = str(group)
        for part in parts:
            ring = join_rings([part.outline, *part.holes])
            points = ';'.join(f'{x:.2f},{y:.2f}' for x, y in ring)
            yield ElementTree.Element('polygon', {**shared, 'points': points})


def _mask_attributes(mask: npt.NDArray[np.bool_]) -> dict[str, str]:
    """Encode a mask within its tight box: runs row by row, the first of them outside it and perhaps of length 0."""
    left, top, width, height = tight_box(mask)
    values = mask[top : top + height, left : left + width].reshape(-1)
    ends = np.append(np.flatnonzero(values[1:] != values[:-1]), len(values) - 1)
    runs = np.diff(ends, prepend=-1).tolist()
    rle = ', '.join(map(str, [0, *runs] if values[0] else runs))
    return dict(rle=rle, left=str(left), top=str(top), width=str(width), height=str(height))


def _meta(labels: list[dict]) -> ElementTree.Element:
    meta = ElementTree.Element('meta')
    parent = ElementTree.SubElement(ElementTree.SubElement(meta, 'task'), 'labels')
    for label in labels:
        element = ElementTree.SubElement(parent, 'label')
        for key in ('name', 'color', 'type'):
            ElementTree.SubElement(element, key).text = label[key]
        ElementTree.SubElement(element, 'attributes')
    return meta


def _text(element: ElementTree.Element) -> str:
    ElementTree.indent(element)
    return ElementTree.tostring(element, encoding='unicode') + '\n'
