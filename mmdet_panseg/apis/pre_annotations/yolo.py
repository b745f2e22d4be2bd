"""Predictions as a YOLO data set of segments."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np

from mmdet_panseg.apis.inference.prediction import Prediction
from mmdet_panseg.engine import write_atomically
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ops import join_rings

from .found_objects import found_things
from .writer import PreAnnotationWriter

_LABELS, _DATA, _IMAGES = 'labels', 'data.yaml', 'images'
_MADE_HERE = '# Written by mmdet_panseg: predictions of '


class YoloWriter(PreAnnotationWriter):
    """Write ``labels/NAME.txt`` for each image as it comes, and ``data.yaml``.

    ``images/`` has the images, as hard links where the file system has these.
    A line is a thing: its class, then corners ``x y`` as shares of the image. Parts and holes are joined by slits, as a
    line has one ring. The format has no place for scores.
    """

    outputs = (_DATA, _LABELS)
    shape_choices = ('polygons',)
    next_step = 'A YOLO data set: data.yaml, labels/ and images/.'

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._sources: dict[Path, str] = {}
        shutil.rmtree(self.folder / _LABELS, ignore_errors=True)
        # JSON's strings are YAML's; without a path, the folders are beside the file.
        names = [f'  {label}: {json.dumps(name)}' for label, name in enumerate(self._names)]
        text = '\n'.join(
            [_MADE_HERE + self.model_version, f'train: {_IMAGES}', f'val: {_IMAGES}', 'names:', *names, '']
        )
        write_atomically(text.encode(), self.folder / _DATA)

    @classmethod
    def check(cls, folder: Path, overwrite: bool) -> None:
        """Refuse to write over what is there, and to replace labels that are none of ours."""
        super().check(folder, overwrite)
        data, labels = folder / _DATA, folder / _LABELS
        if (data.exists() or labels.exists()) and not (data.is_file() and data.read_text().startswith(_MADE_HERE)):
            raise ConfigError(f'{folder}: has a YOLO data set that is no prediction of ours; choose another folder.')

    @property
    def _names(self) -> tuple[str, ...]:
        return self.classes.names[: self.classes.num_things]

    def add(self, prediction: Prediction) -> int:
        """Write the file of an image, an empty one where nothing was found.

        Raises:
            ConfigError: If another image has the same file: names that differ in their ending alone.
        """
        path = Path(prediction.name).with_suffix('.txt')
        if path in self._sources:
            raise ConfigError(
                f'{self._sources[path]} and {prediction.name}: YOLO has one file, {_LABELS}/{path}, for both; rename '
                'one, or choose another --format.'
            )
        height, width = prediction.size
        lines = []
        for found in found_things(prediction):
            rings = [ring for part in found.parts() for ring in (part.outline, *part.holes)]
            shares = (join_rings(rings) / [width, height]).flatten()
            lines.append(' '.join([str(found.label), *(np.format_float_positional(share, 6) for share in shares)]))
        write_atomically(''.join(f'{line}\n' for line in lines).encode(), self.folder / _LABELS / path)
        self._sources[path] = prediction.name
        self._link_image(prediction.name)
        return len(lines)

    def _link_image(self, name: str) -> None:
        """Put an image where its labels are looked for; YOLO's readers follow other links, and miss the labels."""
        source = Path(self.image_root or '', name).resolve()
        link = self.folder / _IMAGES / name
        if self.image_root is None or not source.is_file() or link.exists():
            return
        link.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, link)
        except OSError:  # another file system, or one without links
            shutil.copyfile(source, link)
