"""Finding and reading of images and their label maps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mmdet_panseg.datasets.errors import AnnotationFileError, BrokenImageError, MissingDataError, shown
from mmdet_panseg.datasets.images.image_headers import IMAGE_SUFFIXES, read_header
from mmdet_panseg.datasets.images.image_integrity import PNG_START

_PNG_KINDS = {0: 'greyscale', 2: 'RGB', 3: 'palette', 4: 'greyscale with alpha', 6: 'RGB with alpha'}


@dataclass(frozen=True)
class LabelledImage:
    """An image and its label map.

    Attributes:
        name: Path of the image below the folder of images, with ``/``.
        image: Path of the image.
        label_map: Path of the label map.
        width: Width of both in pixels.
        height: Height of both in pixels.
    """

    name: str
    image: Path
    label_map: Path
    width: int
    height: int


def pair_files(
    images: Path, label_maps: Path, image_suffix: str | None = None, map_suffix: str = '.png'
) -> list[LabelledImage]:
    """Find the label map of every image by its name, also in folders below, and compare their sizes.

    Args:
        images: Folder of images.
        label_maps: Folder of label maps, with the same folders below.
        image_suffix: How names of images end, such as ``'_leftImg8bit.png'``; None for the usual image formats.
        map_suffix: How names of label maps end.

    Returns:
        The pairs in the order of their names.

    Raises:
        MissingDataError: If a folder is missing or empty, or an image or a label map has no counterpart.
        AnnotationFileError: If two images share a name, a size differs, or a label map is no 8-bit PNG.
        BrokenImageError: If an image cannot be opened.
    """
    suffixes = IMAGE_SUFFIXES if image_suffix is None else (image_suffix,)
    pictures = _files_by_stem(images, suffixes, 'images', '--image-suffix')
    maps = _files_by_stem(label_maps, (map_suffix,), 'label maps', '--map-suffix')
    for missing, folder, what in (
        ([str(path) for stem, path in pictures.items() if stem not in maps], label_maps, f'label map (*{map_suffix})'),
        ([str(path) for stem, path in maps.items() if stem not in pictures], images, f'image ({", ".join(suffixes)})'),
    ):
        if missing:
            raise MissingDataError(
                f"{len(missing)} files have no {what} of the same name in '{folder}': {shown(missing)}. Add or remove "
                'files, or say how names end with --image-suffix and --map-suffix.'
            )
    return [_checked_pair(path, images, maps[stem]) for stem, path in pictures.items()]


def read_label_map(path: Path, known: Collection[int]) -> np.ndarray:
    """Read the label of each pixel of a label map whose header :func:`pair_files` has checked.

    Args:
        path: An 8-bit greyscale or palette PNG.
        known: Labels that may occur.

    Returns:
        Labels of shape (H, W), uint8; of palette pictures the indices.

    Raises:
        BrokenImageError: If the file is damaged.
        AnnotationFileError: If it has another label.
    """
    try:
        with Image.open(path) as picture:
            label_map = np.array(picture, np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise BrokenImageError(f"Label map '{path}' does not decode ({error}); copy or export it again.") from error
    counts = np.bincount(label_map.ravel(), minlength=256)
    unknown = [int(value) for value in np.flatnonzero(counts) if value not in known]
    if unknown:
        listed = ', '.join(f'{value} ({counts[value]} pixels)' for value in unknown)
        raise AnnotationFileError(
            f"Label map '{path}' has labels that no class has: {listed}. Add them to the class list, or name them with "
            '--void if they mean no class.'
        )
    return label_map


def _files_by_stem(folder: Path, suffixes: tuple[str, ...], what: str, option: str) -> dict[str, Path]:
    """Files below a folder by their relative path without suffix, sorted; hidden files are left out."""
    if not folder.is_dir():
        raise MissingDataError(f"The folder of {what} '{folder}' does not exist.")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob('*')):
        name = path.relative_to(folder).as_posix()
        suffix = next((suffix for suffix in suffixes if name.lower().endswith(suffix.lower())), None)
        if suffix is None or path.name.startswith('.') or not path.is_file():
            continue
        stem = name[: -len(suffix)]
        if stem in found:
            raise AnnotationFileError(
                f"Two {what} share a name: '{found[stem]}' and '{path}'. Rename one, or say which is meant with "
                f'{option}.'
            )
        found[stem] = path
    if not found:
        raise MissingDataError(f"The folder of {what} '{folder}' has no file that ends in {', '.join(suffixes)}.")
    return found


def _checked_pair(image: Path, folder: Path, label_map: Path) -> LabelledImage:
    header, map_size = read_header(image), _label_map_size(label_map)
    size = header.width, header.height
    if size != map_size:
        raise AnnotationFileError(
            f"Label map '{label_map}' has {map_size[0]}x{map_size[1]} pixels, its image '{image}' {size[0]}x{size[1]} "
            '(as shown, after any EXIF rotation): resize the label map with nearest neighbour, or use its own image.'
        )
    return LabelledImage(image.relative_to(folder).as_posix(), image, label_map, *size)


def _label_map_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG whose pixels are labels, from its header."""
    with path.open('rb') as file:
        header = file.read(26)
    if len(header) < 26 or not header.startswith(PNG_START):
        raise AnnotationFileError(f"Label map '{path}' is no PNG file: export it as 8-bit greyscale or palette PNG.")
    depth, kind = header[24], header[25]
    # Decoders stretch greyscale of fewer bits to 0..255; palette indices stay as they are.
    if not (depth == 8 and kind == 0 or depth <= 8 and kind == 3):
        raise AnnotationFileError(
            f"Label map '{path}' is a PNG of kind {_PNG_KINDS.get(kind, kind)} with {depth} bits; its pixels must be "
            'class indices: export it as 8-bit greyscale or palette PNG.'
        )
    return int.from_bytes(header[16:20], 'big'), int.from_bytes(header[20:24], 'big')
