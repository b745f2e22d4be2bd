"""The classes as categories of COCO files."""

from __future__ import annotations

from typing import Any

from mmdet_panseg.apis.inference.prediction import ClassNames
from mmdet_panseg.datasets.coco.records import panoptic_categories


def coco_categories(classes: ClassNames) -> list[dict[str, Any]]:
    """Make the categories of a panoptic file, in the order of labels.

    Args:
        classes: The classes.

    Returns:
        Categories with the ids of the training data or, where these are not known, 1, 2, ...
    """
    categories = panoptic_categories(classes.names, classes.num_things, classes.palette)
    ids = classes.category_ids or [category['id'] for category in categories]
    return [dict(category, id=int(category_id)) for category, category_id in zip(categories, ids, strict=True)]
