"""Values with a meaning of their own in the maps of this package."""

from __future__ import annotations

VOID_LABEL = 255
"""Void in semantic maps, which hold labels."""

VOID_ROW = 255
"""Void in segment maps, which hold rows of a ``SegmentTable``: what mmdet's ``Pad`` fills segmentation maps with."""

MAX_SEGMENTS = 2**16 - 1
"""A segment map is uint16, and one of its values is void."""

INSTANCE_OFFSET = 1000
"""Factor of an instance's number in a value ``label + 1000 k`` of predicted panoptic maps, as in mmdet."""

MAX_PANOPTIC_ID = 2**24 - 1
"""Ids of COCO panoptic PNG files have three channels of eight bits; 0 is void."""
