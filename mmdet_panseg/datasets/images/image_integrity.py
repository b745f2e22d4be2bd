"""Whether the bytes of an image file are complete, and of how many bits.

OpenCV decodes the part that is there of a truncated JPEG and fills the remainder with grey, with a warning at
most.
"""

from __future__ import annotations

JPEG_START = b'\xff\xd8'
JPEG_END = b'\xff\xd9'
JPEG_SCAN = 0xDA
PNG_START = b'\x89PNG\r\n\x1a\n'
PNG_END = b'IEND\xaeB\x60\x82'
_PNG_DEPTH = 24
TIFF_STARTS = (b'II*\0', b'MM\0*')


def missing_end_marker(content: bytes) -> str | None:
    """Look for the marker that ends a JPEG or PNG file.

    Bytes after the marker are allowed, since cameras and editors append their own.

    Args:
        content: Bytes of the file.

    Returns:
        Name of the marker that is missing; None for a complete file and for other formats.
    """
    if content.startswith(JPEG_START):
        scan = _start_of_scan(content)
        return None if scan is not None and content.rfind(JPEG_END, scan) >= 0 else 'JPEG end marker FFD9'
    if content.startswith(PNG_START):
        return None if content.rfind(PNG_END) >= 0 else 'PNG end chunk IEND'
    return None


def may_have_16_bits(content: bytes) -> bool:
    """Whether the header of a file is that of a PNG of 16 bits a channel, or of a TIFF, which may have them."""
    if content.startswith(PNG_START):
        return content[_PNG_DEPTH : _PNG_DEPTH + 1] == b'\x10'
    return content.startswith(TIFF_STARTS)


def _start_of_scan(content: bytes) -> int | None:
    """Offset of a JPEG's first scan; an end marker before it belongs to an embedded thumbnail."""
    position = len(JPEG_START)
    while position + 4 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == JPEG_SCAN:
            return position
        # A marker may be preceded by any number of fill bytes FF; all others here carry their length.
        position += 1 if marker == 0xFF else 2 + int.from_bytes(content[position + 2 : position + 4], 'big')
    return None
