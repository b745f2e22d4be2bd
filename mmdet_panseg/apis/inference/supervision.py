"""Predictions as ``Detections`` of the package supervision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmdet_panseg.errors import UserError

from .prediction import Prediction

if TYPE_CHECKING:
    from supervision import Detections


def to_supervision(prediction: Prediction) -> Detections:
    """Turn the instances of an image into supervision's ``Detections``.

    Args:
        prediction: What was found.

    Returns:
        Boxes, masks (where the model gives them), scores and labels, and class names in ``data['class_name']``.

    Raises:
        UserError: If supervision is not installed.
    """
    try:
        from supervision import Detections
    except ImportError as error:
        raise UserError('this needs the package supervision: pip install supervision.') from error
    return Detections(
        xyxy=prediction.boxes.astype(np.float32),
        mask=prediction.mask_arrays() if prediction.masks else None,
        confidence=prediction.scores,
        class_id=prediction.labels.astype(int),
        data=dict(class_name=np.array(prediction.class_names(), dtype=str)),
    )
