"""Which kinds of image files a data set has, and whether they load as they should."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from mmdet_panseg.datasets.errors import BrokenImageError, MissingDataError, shown
from mmdet_panseg.datasets.images import LoadCheckedImage
from mmdet_panseg.datasets.images.image_headers import read_header

_LOOKED_AT = 20
_LEAST_BITS, _ALL_BITS, _UNUSED_BITS = 8, 16, 3
_ORDINARY = ('RGB', 'L')
_WHAT_IS_LOADED = {
    'RGBA': 'their alpha channel is not seen by the model',
    'LA': 'their alpha channel is not seen by the model',
    'CMYK': 'they are loaded as RGB',
    'P': 'they are loaded as RGB',
    '1': 'they are loaded as RGB',
}


@dataclass
class ImageKinds:
    """What the image files of a data set are.

    Attributes:
        bit_depth: Bits that images of 16 bits use, where these are so few that they would be loaded dark; else None.
        notes: What the user should know.
    """

    bit_depth: int | None = None
    notes: list[str] = field(default_factory=list)


def look_at_images(paths: Iterable[Path]) -> ImageKinds:
    """Read the headers of all images, and load one of each kind.

    Args:
        paths: The images.

    Returns:
        What they are.

    Raises:
        MissingDataError: If images cannot be opened.
        BrokenImageError: If those of a kind do not load.
    """
    by_mode: dict[str, list[Path]] = defaultdict(list)
    deep: list[Path] = []
    kinds: Counter = Counter()
    turned = 0
    broken: list[str] = []
    for path in paths:
        try:
            header = read_header(path)
        except BrokenImageError:
            broken.append(str(path))
            continue
        by_mode[header.mode].append(path)
        kinds[header.mode, header.kind] += 1
        turned += header.turned
        if header.deep:
            deep.append(path)
    if broken:
        raise MissingDataError(
            f'{len(broken)} images cannot be opened: {shown(broken)}. Copy them again, or remove them and their '
            'annotations.'
        )
    for mode, members in by_mode.items():
        _require_loadable(mode, members)
    notes = [
        f'{count} of {sum(kinds.values())} images are {kind}: {_WHAT_IS_LOADED.get(mode, "they are loaded as RGB")}.'
        for (mode, kind), count in kinds.items()
        if mode not in _ORDINARY
    ]
    if turned:
        notes.append(f'{turned} images are turned by their EXIF data, as viewers show them.')
    bits = _used_bits(deep)
    if bits is None:
        return ImageKinds(None, notes)
    notes.append(f'Images of 16 bits use {bits} of them, so that bit_depth={bits} is set.')
    return ImageKinds(bits, notes)


def _require_loadable(mode: str, paths: list[Path]) -> None:
    try:
        LoadCheckedImage().transform(dict(img_path=str(paths[0])))
    except BrokenImageError as error:
        raise BrokenImageError(
            f'{len(paths)} images are of a kind (Pillow calls it {mode}) of which the first does not load. {error}',
            error.reason,
        ) from error


def _used_bits(paths: list[Path]) -> int | None:
    """Bits that some of the images use, if they are so few of 16 that it matters."""
    highest = 0
    for path in paths[:: max(len(paths) // _LOOKED_AT, 1)]:
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        if image is not None and image.dtype == np.uint16:
            highest = max(highest, int(image.max()))
    bits = max(highest.bit_length(), _LEAST_BITS)
    return bits if highest and bits <= _ALL_BITS - _UNUSED_BITS else None
