"""The folder of what was found in images."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType

import numpy as np
from PIL import Image

from mmdet_panseg.apis.inference.coco_records import instance_records, panoptic_record
from mmdet_panseg.apis.inference.errors import OutputError
from mmdet_panseg.apis.inference.prediction import ClassNames, Prediction
from mmdet_panseg.ops import rgb_from_ids

from .growing_json import GrowingJson
from .png_rows import PngRows

OUTPUTS = ('pictures', 'instances', 'semantic', 'panoptic')
_ROWS_AT_A_TIME = 256
_JPEG_QUALITY = 92


class ResultFolder:
    """Write predictions image by image: ``instances.json``, ``panoptic.json`` and folders of the other outputs.

    Args:
        folder: The folder, which is made.
        classes: The classes.
        outputs: Which of :data:`OUTPUTS` to write.
    """

    def __init__(self, folder: Path, classes: ClassNames, outputs: Collection[str]) -> None:
        self.folder, self.outputs = folder, outputs
        self._number = self._annotations = 0
        self._stems: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)
        categories = dict(instances=classes.categories()[: classes.num_things], panoptic=classes.categories())
        files = [name for name in categories if name in outputs]
        self._files = {name: GrowingJson(folder / f'{name}.json', categories[name]) for name in files}

    def write(self, prediction: Prediction, picture: np.ndarray | None = None) -> None:
        """Write what was found in the next image.

        Args:
            prediction: What was found.
            picture: Its picture, RGB.
        """
        self._number += 1
        stem = self._stem(prediction.name)
        height, width = prediction.size
        image = dict(id=self._number, file_name=prediction.name, height=height, width=width)
        # Maps and pictures first: what a JSON file lists is there.
        if picture is not None:
            path = self.folder / 'pictures' / f'{stem}.jpg'
            path.parent.mkdir(parents=True, exist_ok=True)
            _save_picture(picture, path)
        if 'semantic' in self.outputs:
            write_map(prediction.semantic_map, self.folder / 'semantic' / f'{stem}.png')
        if 'panoptic' in self.outputs:
            write_map(prediction.panoptic_map, self.folder / 'panoptic' / f'{stem}.png', as_colors=True)
            self._files['panoptic'].add(image, [panoptic_record(prediction, self._number, f'{stem}.png')])
        if 'instances' in self.outputs:
            records = instance_records(prediction, self._number, self._annotations + 1)
            self._annotations += len(records)
            self._files['instances'].add(image, records)

    def close(self) -> None:
        """Complete the files."""
        for file in self._files.values():
            file.close()

    def __enter__(self) -> ResultFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _stem(self, name: str) -> str:
        """Name of the image's files without a suffix; of names that differ in the suffix alone, later ones keep it."""
        stem = str(PurePosixPath(name).with_suffix(''))
        stem = name if stem.casefold() in self._stems else stem
        self._stems.add(stem.casefold())
        return stem


def require_writable(folder: Path, overwrite: bool) -> None:
    """Refuse a folder with something in it.

    Args:
        folder: Where results are to be written.
        overwrite: Whether files of an earlier run may be replaced.

    Raises:
        OutputError: If it is not empty and may not be overwritten, or is no folder.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f'{folder}: is a file; name another folder for the results.')
    if not overwrite and folder.is_dir() and any(folder.iterdir()):
        raise OutputError(
            f'{folder}: is not empty; name another folder, or pass --overwrite (in Python: overwrite=True) to replace '
            'files of the same names.'
        )


def choose_outputs(prediction: Prediction, asked: Sequence[str] | None, default: Collection[str]) -> list[str]:
    """Choose what to write, from what a model gives.

    Args:
        prediction: The first prediction.
        asked: What the user asked for; None for what there is of ``default``.
        default: See ``asked``.

    Returns:
        Names of outputs.

    Raises:
        OutputError: If something is asked for that the model does not give, or is unknown.
    """
    given = {'pictures', 'instances'}
    given |= {'semantic'} if prediction.semantic_map is not None else set()
    given |= {'panoptic'} if prediction.panoptic_map is not None else set()
    for name in asked or ():
        if name not in OUTPUTS:
            raise OutputError(f'--outputs {name}: is unknown; there are {", ".join(OUTPUTS)}.')
        if name not in given:
            part = 'fusion_head' if name == 'panoptic' else 'semantic_head'
            raise OutputError(
                f'--outputs {name}: this model gives no {name} maps; it has no {part}. Train one that has '
                '(configs/recipes/panoptic_cpu.py is one), or ask for other outputs.'
            )
    return [name for name in OUTPUTS if (name in asked if asked is not None else name in default and name in given)]


def write_map(values: np.ndarray, path: Path, as_colors: bool = False) -> None:
    """Write a map as PNG, some rows at a time.

    Args:
        values: Labels 0..255, or ids 0..16777215, shape (H, W).
        path: The file; its folder is made.
        as_colors: Whether values are ids, in the colours of COCO's panoptic files.
    """
    file = PngRows(path, values.shape, 3 if as_colors else 1)
    try:
        for start in range(0, len(values), _ROWS_AT_A_TIME):
            rows = values[start : start + _ROWS_AT_A_TIME]
            file.add(rgb_from_ids(rows) if as_colors else rows.astype(np.uint8))
    except BaseException:
        file.discard()
        raise
    file.close()


def _save_picture(picture: np.ndarray, path: Path) -> None:
    unfinished = path.with_name(f'.{path.name}.unfinished')
    Image.fromarray(picture).save(unfinished, 'JPEG', quality=_JPEG_QUALITY)
    os.replace(unfinished, path)
