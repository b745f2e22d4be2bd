"""Predictions as Label Studio's pre-annotations."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from mmdet_panseg.apis.inference.prediction import Prediction
from mmdet_panseg.engine import write_atomically
from mmdet_panseg.ops import join_rings

from .found_objects import FoundObject, found_stuff, found_things
from .growing_file import GrowingList
from .label_studio_rle import brush_rle
from .writer import PreAnnotationWriter

_FROM_NAME, _TO_NAME = 'label', 'image'
_TAGS = {'masks': 'BrushLabels', 'polygons': 'PolygonLabels'}


class LabelStudioWriter(PreAnnotationWriter):
    """Write ``label_studio.json``, tasks with predictions, and ``label_config.xml``, the labelling interface for them.

    Where images lie in a folder, tasks name them as Label Studio serves local files: the folder must be a local storage
    of the project, and its parent the ``LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT``.
    """

    outputs = ('label_studio.json', 'label_config.xml')
    next_step = (
        'In Label Studio: paste label_config.xml into the labelling interface (Code) first, then import '
        'label_studio.json. Images of a folder need LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true, '
        'LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=<its parent>, and the folder as local storage, not synchronised.'
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        write_atomically(self._label_config().encode(), self.folder / self.outputs[1])
        self._tasks = GrowingList(self.folder / self.outputs[0])

    def add(self, prediction: Prediction) -> int:
        """Add the task of an image."""
        objects = [*found_things(prediction), *found_stuff(prediction)]
        results = [self._region(found, prediction, place) for place, found in enumerate(objects)]
        scores = [found.score for found in objects if found.score is not None]
        score = round(float(np.mean(scores)), 3) if scores else None
        self._tasks.add(
            dict(
                data=dict(image=self._url(prediction.name)),
                predictions=[dict(model_version=self.model_version, score=score, result=results)],
            )
        )
        return len(objects)

    def close(self) -> None:
        """Finish the list of tasks."""
        self._tasks.close()

    def _region(self, found: FoundObject, prediction: Prediction, place: int) -> dict[str, Any]:
        height, width = prediction.size
        kind = _TAGS[self.shapes].lower()
        region = dict(
            id=hashlib.sha256(f'{prediction.name} {place}'.encode()).hexdigest()[:10],
            type=kind,
            from_name=_FROM_NAME,
            to_name=_TO_NAME,
            original_width=width,
            original_height=height,
            image_rotation=0,
            value={**self._shape(found, width, height), kind: [self.classes.names[found.label]]},
        )
        return region if found.score is None else dict(region, score=found.score)

    def _shape(self, found: FoundObject, width: int, height: int) -> dict[str, Any]:
        if self.shapes == 'masks':
            return dict(format='rle', rle=brush_rle(found.mask()))
        ring = join_rings([ring for part in found.parts() for ring in (part.outline, *part.holes)])
        # Label Studio's unit is a percent of the image.
        return dict(points=(100 * ring / [width, height]).round(4).tolist(), closed=True)

    def _url(self, name: str) -> str:
        root = '' if self.image_root is None else str(self.image_root)
        if '://' in root or root.startswith('/data/'):
            return root.rstrip('/') + '/' + quote(name)
        folder = Path(root).resolve().name if root else ''
        return '/data/local-files/?d=' + quote(f'{folder}/{name}' if folder else name)

    def _label_config(self) -> str:
        tag = _TAGS[self.shapes]
        labels = [
            f'    <Label value={quoteattr(name)} background="#{red:02x}{green:02x}{blue:02x}"/>'
            for name, (red, green, blue) in zip(self.classes.names, self.classes.palette, strict=True)
        ]
        return '\n'.join(
            [
                '<View>',
                f'  <Image name="{_TO_NAME}" value="$image" zoom="true"/>',
                f'  <{tag} name="{_FROM_NAME}" toName="{_TO_NAME}">',
                *labels,
                f'  </{tag}>',
                '</View>\n',
            ]
        )
