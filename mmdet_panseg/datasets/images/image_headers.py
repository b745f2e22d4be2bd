"""What the header of an image file says: size as shown, channels, depth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from mmdet_panseg.datasets.errors import BrokenImageError

from .image_integrity import may_have_16_bits

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')
_EXIF_ORIENTATION = 0x0112
_FIRST_BYTES = 32
_NAMES = {
    '1': 'black and white',
    'L': 'grey',
    'LA': 'grey with alpha',
    'P': 'palette',
    'RGB': 'RGB',
    'RGBA': 'RGB with alpha',
    'CMYK': 'CMYK',
}


@dataclass(frozen=True)
class ImageHeader:
    """Header of an image file.

    Attributes:
        width: Width in pixels as it is shown, so after the rotation that EXIF asks for.
        height: Height alike.
        turned: Whether EXIF asks for a rotation that swaps the sides.
        mode: Pillow's mode, such as ``'RGB'``.
        deep: Whether it may have 16 bits a channel: a PNG that has, or a TIFF.
    """

    width: int
    height: int
    turned: bool
    mode: str
    deep: bool

    @property
    def kind(self) -> str:
        """Its channels in words."""
        return '16-bit ' + self.mode if self.mode.startswith('I;16') else _NAMES.get(self.mode, self.mode)


def read_header(path: Path) -> ImageHeader:
    """Read the header of an image file.

    Args:
        path: The file.

    Returns:
        What it says.

    Raises:
        BrokenImageError: If it cannot be opened as an image.
    """
    try:
        with path.open('rb') as file:
            deep = may_have_16_bits(file.read(_FIRST_BYTES))
            file.seek(0)
            with Image.open(file) as picture:
                width, height = picture.size
                turned = picture.getexif().get(_EXIF_ORIENTATION, 1) >= 5
                mode = picture.mode
    except Exception as error:  # each format raises its own kind
        raise BrokenImageError(f"Image '{path}' cannot be opened ({error}); copy it again or remove it.") from error
    return ImageHeader(*((height, width) if turned else (width, height)), turned, mode, deep)
