"""Export of a trained detector, proved against torch before anything is left behind."""

from __future__ import annotations

import copy
import importlib.util
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdet_panseg.apis.detector import load_detector_with_meta
from mmdet_panseg.apis.inference.class_names import class_names
from mmdet_panseg.apis.inference.prediction import ClassNames
from mmdet_panseg.engine import load_config

from . import standalone
from .comparison import Difference, compare, expected_arrays
from .errors import ExportError
from .graph import DetectorGraph
from .reference import Reference
from .settings import KEY, settings_of
from .support import require_exportable
from .tracing import trace

SUFFIXES = {'onnx': '.onnx', 'openvino': '.xml'}
"""How files of each format end."""

_LIBRARIES = {'onnx': ('onnx', 'onnxscript', 'onnxruntime'), 'openvino': ('onnx', 'onnxscript', 'openvino')}
_EXTRAS = {'onnx': 'export', 'openvino': 'openvino'}
# Heights and widths of the images that are compared, in units of the network's input: all, odd, upright.
_RELATIVE_SIZES = ((1.0, 1.0), (0.61, 1.13), (1.37, 0.57))


@dataclass(frozen=True)
class Export:
    """What an export has written, and how far its numbers are from torch's.

    Attributes:
        files: The model's files and the Python file that runs it.
        size: Bytes of the model.
        difference: Greatest differences over all images.
        images: Number of images that were compared.
    """

    files: list[Path]
    size: int
    difference: Difference
    images: int

    def describe(self) -> str:
        """Tell in a few lines what was written and how it was checked."""
        names = ', '.join(map(str, self.files))
        return (
            f'written: {names} ({self.size / 2**20:.1f} MB)\n'
            f'compared with torch on {self.images} images with {self.difference.instances} instances; greatest '
            f'differences: scores {self.difference.scores:.1e}, pixels of a mask {self.difference.masks:.2%}, '
            f'of a map {self.difference.maps:.2%}'
        )


def export_detector(
    config: str | Path | Config,
    checkpoint: str | Path,
    out: str | Path,
    *,
    format: str | None = None,
    images: Sequence[str | Path] = (),
    overwrite: bool = False,
    trust: bool = False,
) -> Export:
    """Write a detector as a file for onnxruntime or openvino, and beside it a Python file that runs it.

    The model is written under another name first, run on images of three sizes, and compared with torch; if a number
    is beyond the tolerances nothing is left.

    Args:
        config: Config file, or config, of the detector.
        checkpoint: Its checkpoint, or a work dir for the last one.
        out: File to write, ``.onnx``, or ``.xml`` for openvino, which writes a ``.bin`` beside it.
        format: ``'onnx'`` or ``'openvino'``; by default what ``out`` ends like.
        images: Image files to compare on beside drawn ones; by default the first image of the test data, if there.
        overwrite: Whether files that exist are replaced.
        trust: Whether to open checkpoints that need code to unpickle.

    Returns:
        What was written.

    Raises:
        CheckpointError: If the checkpoint is missing, unsafe to open, or of another model.
        ConfigError: If the config cannot be used.
        ExportError: If a library is missing, a file exists, the model has parts without translation, or the numbers
            disagree.
    """
    out = Path(out)
    format = _format_of(out, format)
    files = _files(out, format)
    _require_free(files, overwrite)
    _require_libraries(format)
    config = config if isinstance(config, Config) else load_config(config)
    init_default_scope(config.get('default_scope') or 'mmdet')
    model, meta = load_detector_with_meta(config, checkpoint, trust=trust)
    require_exportable(model)
    classes = class_names(model, meta, config)
    settings = settings_of(model, config, classes)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f'.{out.stem}.partial{out.suffix}')
    try:
        _write(DetectorGraph(copy.deepcopy(model)), settings, partial, format)
        pictures = [*drawn_images(settings['resize']), *(_read(path, settings) for path in images or _first(config))]
        difference = _compared(Reference(model, config), partial, pictures, classes)
        if difference.fault:
            raise ExportError(
                f'{out} was not written: {difference.fault}; the exported model does not give the numbers of torch. '
                'Please report it with the config.'
            )
        for source, target in zip(_files(partial, format)[:-1], files[:-1], strict=True):
            source.replace(target)
    finally:
        for leftover in _files(partial, format):
            leftover.unlink(missing_ok=True)
    shutil.copyfile(standalone.__file__, files[-1])
    size = sum(file.stat().st_size for file in files[:-1])
    return Export(files, size, difference, len(pictures))


def _format_of(out: Path, format: str | None) -> str:
    by_suffix = {suffix: name for name, suffix in SUFFIXES.items()}
    found = by_suffix.get(out.suffix.lower())
    if found is None or format not in (None, found):
        expected = ' or '.join(SUFFIXES.values()) if format is None else SUFFIXES[format]
        raise ExportError(f'{out}: the name must end in {expected}.')
    return found


def _files(out: Path, format: str) -> list[Path]:
    """List the model's files and, last, the Python file beside them."""
    weights = [out.with_suffix('.bin')] if format == 'openvino' else []
    return [out, *weights, out.with_suffix('.py')]


def _require_free(files: Sequence[Path], overwrite: bool) -> None:
    existing = [file for file in files if file.exists()]
    if existing and not overwrite:
        raise ExportError(f'{existing[0]} exists already: take another name, or --overwrite to replace it.')
    folders = [file for file in existing if file.is_dir()]
    if folders:
        raise ExportError(f'{folders[0]} is a folder: name a file.')


def _require_libraries(format: str) -> None:
    missing = [name for name in _LIBRARIES[format] if importlib.util.find_spec(name) is None]
    if missing:
        raise ExportError(
            f'{", ".join(missing)} is not installed: pip install {" ".join(missing)}, or '
            f"pip install 'mmdet_panseg[{_EXTRAS[format]}]'."
        )


def _write(graph: DetectorGraph, settings: dict[str, Any], path: Path, format: str) -> None:
    import onnx

    proto = trace(graph)
    onnx.helper.set_model_props(proto, {KEY: json.dumps(settings)})
    if format == 'onnx':
        onnx.save(proto, path)
        return
    import openvino

    beside = path.with_suffix('.onnx')
    try:
        onnx.save(proto, beside)
        converted = openvino.convert_model(beside)
    finally:
        beside.unlink(missing_ok=True)
    converted.set_rt_info(json.dumps(settings), [KEY])
    openvino.save_model(converted, path, compress_to_fp16=False)


def _compared(
    reference: Reference, path: Path, pictures: Sequence[npt.NDArray[np.uint8]], classes: ClassNames
) -> Difference:
    exported = standalone.Model(path)
    difference = Difference()
    for picture in pictures:
        difference = difference.with_other(compare(expected_arrays(reference(picture), classes), exported(picture)))
    return difference


def drawn_images(resize: dict[str, Any] | None) -> Iterator[npt.NDArray[np.uint8]]:
    """Draw clouds of random colours, in which a model finds more than in noise.

    Args:
        resize: How the model resizes images, as the settings have it.

    Yields:
        An RGB image of shape (H, W, 3), uint8, for each of three shapes, two of them with odd sides.
    """
    width, height = (320, 256) if resize is None else resize['scale']
    for seed, (vertical, horizontal) in enumerate(_RELATIVE_SIZES):
        rng = np.random.default_rng(seed)
        rows, columns = int(height * vertical) | (vertical != 1), int(width * horizontal) | (horizontal != 1)
        image = np.zeros((rows, columns, 3))
        for cells in (3, 7, 17, 41):
            cloud = rng.normal(size=(cells, cells, 3))
            image += cv2.resize(cloud, (columns, rows), interpolation=cv2.INTER_CUBIC) * 90 / cells**0.5
        yield (image + 127).clip(0, 255).astype(np.uint8)


def _read(path: str | Path, settings: dict[str, Any]) -> npt.NDArray[np.uint8]:
    try:
        return standalone.read_image(path, settings['rotate'], settings['bit_depth'])
    except OSError as error:
        raise ExportError(f'{path} cannot be read as an image: {error}') from error


def _first(config: Config) -> list[Path]:
    """First image of the test data, if it is on this machine."""
    dataset = (config.get('test_dataloader') or {}).get('dataset') or {}
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    folder = Path(dataset.get('data_root') or '', (dataset.get('data_prefix') or {}).get('img') or '')
    images = sorted(path for suffix in ('jpg', 'jpeg', 'png') for path in folder.glob(f'*.{suffix}'))
    return images[:1]
