"""Checks of one COCO annotation: is its box, area and mask fit for use in an image of a given size?

Plain Python on purpose: a COCO-sized file holds 860,000 annotations, and one numpy call costs more than a
whole check.
"""

from __future__ import annotations

from typing import Any

LEFT_OUT_REASONS = {
    'box_malformed': "'bbox' is not four finite numbers [x, y, width, height]",
    'box_outside': "'bbox' lies wholly outside the image",
    'box_too_small': "'bbox' is narrower or lower than 1 pixel",
    'no_area': "'area' is zero or negative",
    'no_segmentation': "'segmentation' is missing or empty",
    'segmentation_malformed': "'segmentation' is neither polygons nor an RLE with 'size' and 'counts'",
    'polygon_too_short': "every polygon of 'segmentation' has fewer than 3 points",
    'rle_transposed': "RLE 'size' is [width, height] of the image, not [height, width]",
    'rle_wrong_size': "RLE 'size' differs from the image's [height, width]",
    'rle_bad_counts': "RLE 'counts' do not add up to height x width",
}
"""Why an annotation is left out: name of the reason and its text in reports."""

REPAIR_REASONS = {
    'polygon_dropped': 'unusable polygons (fewer than 3 points) dropped, the others of the object kept',
}
"""What is repaired: name of the repair and its text in reports."""

MIN_POLYGON_LENGTH = 6
"""Three points of two coordinates."""


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
    if len(usable) == len(segmentation):
        return annotation, None
    if not usable:
        return None, 'polygon_too_short'
    return {**annotation, 'segmentation': usable}, 'polygon_dropped'


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
    except (TypeError, ValueError):
        return 'box_malformed'
    if w < 1 or h < 1:
        return 'box_too_small'
    if min(x + w, width) <= max(x, 0) or min(y + h, height) <= max(y, 0):
        return 'box_outside'
    return None


def check_area(area: Any) -> str | None:
    """Return ``'no_area'`` unless ``area`` (pixels) is a number above zero."""
    try:
        return None if area > 0 else 'no_area'
    except TypeError:
        return 'no_area'


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
    total = sum_of_runs(counts) if isinstance(counts, list) else sum_of_compressed_runs(counts)
    return None if total == height * width else 'rle_bad_counts'


def sum_of_runs(counts: list) -> int | None:
    """Sum of uncompressed run lengths; None if one of them is negative or no number."""
    try:
        return sum(counts) if counts and min(counts) >= 0 else None
    except TypeError:
        return None


def sum_of_compressed_runs(counts: str) -> int | None:
    """Sum of the run lengths in COCO's compressed text form.

    Each run is stored in characters of 5 bits plus a continuation bit, offset by 48, with its sign in the
    last character; from the fourth run on the difference to the run before the previous one is stored
    (``rleToString`` of the COCO API).

    Args:
        counts: Text of the run lengths.

    Returns:
        Their sum in pixels, or None if the text is no such code.
    """
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        code = ord(character) - 48
        if not 0 <= code < 64:
            return None
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        if len(runs) > 2:
            value += runs[-2]
        runs.append(value)
        value = shift = 0
    if shift or not runs or min(runs) < 0:
        return None
    return sum(runs)
