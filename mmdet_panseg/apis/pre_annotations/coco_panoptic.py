"""Predictions as a COCO panoptic file with its PNGs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmdet_panseg.apis.inference.prediction import Prediction
from mmdet_panseg.datasets.coco.records import distinct_colours
from mmdet_panseg.engine import write_atomically
from mmdet_panseg.errors import ConfigError

from .categories import coco_categories
from .growing_file import GrowingList
from .writer import PreAnnotationWriter


class CocoPanopticWriter(PreAnnotationWriter):
    """Write ``panoptic.json``, and a PNG for each image in ``panoptic/`` as it comes."""

    outputs = ('panoptic.json', 'panoptic')
    shape_choices = ('masks',)
    next_step = 'The data set: panoptic.json and the folder panoptic/ of its PNGs.'

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._annotations = GrowingList(self.folder / self.outputs[0], 'annotations')
        self._images: list[dict[str, Any]] = []
        self._png_names: set[Path] = set()
        self._categories = coco_categories(self.classes)

    @classmethod
    def require(cls, prediction: Prediction) -> None:
        """Refuse predictions without a panoptic map, as in the parent."""
        if prediction.panoptic_map is None or prediction.segments_info is None:
            raise ConfigError(
                f'{prediction.name}: the model makes no panoptic map, which --format coco-panoptic needs; use a config '
                'with a fusion_head, or --format coco for its instances.'
            )

    def add(self, prediction: Prediction) -> int:
        """Write the PNG of an image, and add its segments."""
        self.require(prediction)
        infos = prediction.segments_info
        colours = distinct_colours(tuple(self._categories[info['category_id']]['color']) for info in infos)
        numbers = np.zeros(1 + max((info['id'] for info in infos), default=0), dtype=np.int64)
        numbers[[info['id'] for info in infos]] = np.arange(1, len(infos) + 1)
        picture = colours[numbers[np.where(prediction.panoptic_map < len(numbers), prediction.panoptic_map, 0)]]
        name = self._png_name(prediction.name)
        png = io.BytesIO()
        Image.fromarray(picture).save(png, format='png')
        write_atomically(png.getvalue(), self.folder / self.outputs[1] / name)
        ids = (colours.astype(np.int64) @ [1, 256, 65536])[1:].tolist()
        segments = [
            dict(
                id=colour_id,
                category_id=self._categories[info['category_id']]['id'],
                area=int(info['area']),
                bbox=[int(side) for side in info['bbox']],
                iscrowd=0,
                score=None if info['score'] is None else round(float(info['score']), 3),
            )
            for colour_id, info in zip(ids, infos, strict=True)
        ]
        image_id, (height, width) = len(self._images) + 1, prediction.size
        self._images.append(dict(id=image_id, file_name=prediction.name, width=width, height=height))
        self._annotations.add(dict(image_id=image_id, file_name=name.as_posix(), segments_info=segments))
        return len(segments)

    def close(self) -> None:
        """Write images and categories, and finish."""
        info = dict(description=f'Predictions of {self.model_version}')
        self._annotations.close(images=self._images, categories=self._categories, info=info)

    def _png_name(self, name: str) -> Path:
        """Choose a name, with the image's ending in it where images differ in that alone."""
        path = Path(name).with_suffix('.png')
        if path in self._png_names:
            path = Path(f'{name}.png')
        self._png_names.add(path)
        return path
