"""Checks of one COCO annotation: is its box, area and mask fit for use in an image of a given size?

Plain Python on purpose: a COCO-sized file holds 860,000 annotations, and one numpy call costs more than a
whole check. Masks that are RLE, of which COCO has few, are decoded for their box.
"""

from __future__ import annotations

from typing import Any

from pycocotools import mask as mask_utils

LEFT_OUT_REASONS = {
    'box_malformed': "'bbox' is not four finite numbers [x, y, width, height]",
    'box_outside': "'bbox' lies wholly outside the image",
    'box_far': "'bbox' has numbers that no image of this size can have",
    'box_fraction': "'bbox' lies between 0 and 1: a fraction is to be multiplied by 'width' and 'height' of the image",
    'box_too_small': "'bbox' is narrower or lower than 1 pixel",
    'no_area': "'area' is zero",
    'area_negative': "'area' is negative",
    'area_malformed': "'area' is no number",
    'no_segmentation': "'segmentation' is missing or empty",
    'segmentation_malformed': "'segmentation' is neither polygons nor an RLE with 'size' and 'counts'",
    'polygon_too_short': "every polygon of 'segmentation' has fewer than 3 points",
    'polygon_far': "'segmentation' has coordinates that no image of this size can have",
    'rle_transposed': "RLE 'size' is [width, height] of the image, not [height, width]",
    'rle_wrong_size': "RLE 'size' differs from the image's [height, width]",
    'rle_bad_counts': "RLE 'counts' do not add up to height x width",
    'rle_empty': "RLE 'counts' describe a mask without pixels",
}
"""Why an annotation is left out: name of the reason and its text in reports."""

REPAIR_REASONS = {
    'polygon_dropped': 'unusable polygons (fewer than 3 points) dropped, the others of the object kept',
}
"""What is repaired: name of the repair and its text in reports."""

DOUBTS = {
    'repeated': "another one has the same image, category and 'bbox': merged exports have objects twice",
    'polygon_flat': "'segmentation' is a line or a point, whose mask has no pixels",
    'box_of_corners': "'bbox' seems to be [left, top, right, bottom]: write [left, top, width, height]",
    'polygon_fraction': "'segmentation' is from 0 to 1: multiply it by 'width' and 'height' of the image",
    'polygon_swapped': "'segmentation' fits 'bbox' with x and y swapped: write x before y",
    'rle_swapped': "the mask fits 'bbox' with x and y swapped: runs of an RLE go down the columns, not along the rows",
    'rle_elsewhere': "the RLE's mask is elsewhere than 'bbox': do its runs go down the columns, not along the rows?",
    'polygon_elsewhere': "'segmentation' is of another place or size than 'bbox': are both of this size of image?",
}
"""Annotations that are used although something is wrong with them, with the remedy."""

MIN_POLYGON_LENGTH = 6
"""Three points of two coordinates."""

_FAR = 10  # times the longer side of the image
_LEAST_OVERLAP = 0.3
_SAME_BOX = 0.95
_MOST_BITS = 60  # of a run
_TELLING = 4  # pixels: boxes of smaller objects are alike however they are read


def check_annotation(
    annotation: dict, height: int, width: int, with_mask: bool = True
) -> tuple[dict | None, str | None]:
    """Check one annotation against the size of its image.

    Args:
        annotation: Entry of the file's ``annotations`` with ``bbox`` and ``area``. It is not changed.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        with_mask: Whether the mask must be usable too.

    Returns:
        The annotation to use and None; or a repaired copy and a key of :data:`REPAIR_REASONS`; or None
        and a key of :data:`LEFT_OUT_REASONS`.
    """
    reason = check_box(annotation['bbox'], height, width) or check_area(annotation['area'])
    if reason is not None:
        return None, reason
    return check_mask(annotation, height, width) if with_mask else (annotation, None)


def check_mask(annotation: dict, height: int, width: int) -> tuple[dict | None, str | None]:
    """Check the ``segmentation`` of an annotation; arguments and result as of :func:`check_annotation`."""
    segmentation = annotation.get('segmentation')
    if not segmentation:
        return None, 'no_segmentation'
    if isinstance(segmentation, dict):
        reason = check_rle(segmentation, height, width)
        return (annotation, None) if reason is None else (None, reason)
    if not isinstance(segmentation, list) or not all(isinstance(polygon, list) for polygon in segmentation):
        return None, 'segmentation_malformed'
    usable = [polygon for polygon in segmentation if is_usable_polygon(polygon)]
    if not usable:
        return None, 'polygon_too_short'
    far = _FAR * max(height, width)
    if any(max(polygon) > far or min(polygon) < -far for polygon in usable):
        return None, 'polygon_far'
    if len(usable) == len(segmentation):
        return annotation, None
    return {**annotation, 'segmentation': usable}, 'polygon_dropped'


def doubt_about(annotation: dict) -> str | None:
    """Compare the mask of a usable annotation with its box.

    Args:
        annotation: Entry of ``annotations`` that :func:`check_annotation` lets through.

    Returns:
        A key of :data:`DOUBTS`, or None.
    """
    segmentation = annotation.get('segmentation')
    if not segmentation:
        return None
    is_rle = isinstance(segmentation, dict)
    x, y, width, height = annotation['bbox']
    around, box = segmentation_box(segmentation), (x, y, x + width, y + height)
    left, top, right, bottom = around
    if left == right or top == bottom:
        return 'polygon_flat'
    overlap = _overlap(around, box)
    if overlap >= _SAME_BOX:
        return None
    if _overlap((top, left, bottom, right), box) >= _SAME_BOX:
        return 'rle_swapped' if is_rle else 'polygon_swapped'
    if _overlap(around, (x, y, width, height)) >= _SAME_BOX and min(right - left, bottom - top) > _TELLING:
        return 'box_of_corners'
    if overlap >= _LEAST_OVERLAP:
        return None
    if min(left, top) >= 0 and max(right, bottom) <= 1 and max(width, height) > 2:
        return 'polygon_fraction'
    return 'rle_elsewhere' if is_rle else 'polygon_elsewhere'


def segmentation_box(segmentation: dict | list) -> tuple[float, float, float, float]:
    """Find left, top, right and bottom of a usable mask in pixels, polygons or RLE."""
    if isinstance(segmentation, dict):
        rle = segmentation
        if isinstance(rle['counts'], list):
            rle = mask_utils.frPyObjects(rle, *rle['size'])
        x, y, width, height = mask_utils.toBbox(rle).tolist()
        return x, y, x + width, y + height
    left, right = min(min(p[::2]) for p in segmentation), max(max(p[::2]) for p in segmentation)
    top, bottom = min(min(p[1::2]) for p in segmentation), max(max(p[1::2]) for p in segmentation)
    return left, top, right, bottom


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """IoU of two boxes of corners, a pixel larger than they are: polygons may be flat."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]) + 1, min(a[3], b[3]) - max(a[1], b[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0] + 1) * (a[3] - a[1] + 1) + (b[2] - b[0] + 1) * (b[3] - b[1] + 1) - both)


def check_box(box: Any, height: int, width: int) -> str | None:
    """Check that a box is at least one pixel wide and high and overlaps the image.

    Args:
        box: ``[x, y, width, height]`` in pixels.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        None for a good box, else a key of :data:`LEFT_OUT_REASONS`.
    """
    try:
        x, y, w, h = box
        # inf - inf and nan - nan are nan, so one comparison finds every number that is not finite.
        if (x + y + w + h) - (x + y + w + h) != 0:
            return 'box_malformed'
        if max(abs(number) for number in box) > _FAR * max(height, width):
            return 'box_far'
    except (TypeError, ValueError, OverflowError):
        return 'box_malformed'
    if w < 1 or h < 1:
        return 'box_fraction' if min(box) >= 0 and max(x + w, y + h) <= 1 else 'box_too_small'
    if min(x + w, width) <= max(x, 0) or min(y + h, height) <= max(y, 0):
        return 'box_outside'
    return None


def check_area(area: Any) -> str | None:
    """Return a key of :data:`LEFT_OUT_REASONS` unless ``area`` (pixels) is a number above zero."""
    try:
        if area > 0:
            return None
        return 'no_area' if area == 0 else 'area_negative' if area < 0 else 'area_malformed'
    except TypeError:
        return 'area_malformed'


def is_usable_polygon(polygon: list) -> bool:
    """Whether a polygon ``[x0, y0, x1, y1, ...]`` has three points or more, all of finite numbers."""
    if len(polygon) < MIN_POLYGON_LENGTH or len(polygon) % 2:
        return False
    try:
        total = sum(polygon)
    except TypeError:
        return False
    return total - total == 0


def check_rle(rle: dict, height: int, width: int) -> str | None:
    """Check size and run lengths of a run-length encoded mask, compressed or not.

    Args:
        rle: ``{'size': [height, width], 'counts': [...] or str}``.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        None for a good mask, else a key of :data:`LEFT_OUT_REASONS`.
    """
    size, counts = rle.get('size'), rle.get('counts')
    if not isinstance(size, list) or not isinstance(counts, (list, str)):
        return 'segmentation_malformed'
    if size != [height, width]:
        return 'rle_transposed' if size == [width, height] else 'rle_wrong_size'
    # pycocotools decodes runs that are too short without a word and leaves the remaining pixels
    # uninitialised.
    runs = counts if isinstance(counts, list) else compressed_runs(counts)
    if sum_of_runs(runs) != height * width:
        return 'rle_bad_counts'
    return None if any(runs[1::2]) else 'rle_empty'


def sum_of_runs(counts: list) -> int | None:
    """Sum of run lengths; None if there are none, or one of them is negative or no number."""
    try:
        return sum(counts) if counts and min(counts) >= 0 else None
    except TypeError:
        return None


def compressed_runs(counts: str) -> list[int]:
    """Read the run lengths in COCO's compressed text form.

    Each run is stored in characters of 5 bits plus a continuation bit, offset by 48, with its sign in the
    last character; from the fourth run on the difference to the run before the previous one is stored
    (``rleToString`` of the COCO API).

    Args:
        counts: Text of the run lengths.

    Returns:
        Their lengths in pixels; none if the text is no such code.
    """
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        code = ord(character) - 48
        if not 0 <= code < 64:
            return []
        value |= (code & 31) << shift
        shift += 5
        if shift > _MOST_BITS:
            return []
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        if len(runs) > 2:
            value += runs[-2]
        runs.append(value)
        value = shift = 0
    return [] if shift else runs
