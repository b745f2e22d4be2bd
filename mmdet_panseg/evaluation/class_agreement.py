"""Whether the model and the data set mean the same classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .class_layout import ClassLayout
from .errors import EvaluationError
from .sample_maps import image_of


def check_segments(sample: Mapping[str, Any], pred_map: npt.NDArray[np.integer], layout: ClassLayout) -> None:
    """Compare the classes of the data set with the segments that the model names, where it does (``segments_info``).

    A model with fewer classes has a smaller value for void, which reads like a class of the data set: labels alone do
    not show that.

    Args:
        sample: Data sample as a dict.
        pred_map: Its predicted panoptic map, shape ``(H, W)``.
        layout: Classes of the data set.

    Raises:
        EvaluationError: If the two do not agree on things, stuff and void.
    """
    segments = sample['pred_panoptic_seg'].get('segments_info')
    if segments is None:
        return
    for segment in segments:
        label, thing = segment['category'], bool(segment['isthing'])
        if not label < len(layout.names) or thing != (label < layout.num_things):
            raise disagreement(
                sample, f'predicted label {label} is {"a thing" if thing else "stuff"} of the model', layout
            )
    void = pred_map.size - sum(segment['area'] for segment in segments)
    counted = int(np.count_nonzero(pred_map == len(layout.names)))
    if void != counted:
        raise disagreement(
            sample, f'{void} pixels are in no predicted segment, but {counted} have the value of void', layout
        )


def disagreement(sample: Mapping[str, Any], fault: str, layout: ClassLayout) -> EvaluationError:
    """Make the error of a model and a data set with different classes.

    Args:
        sample: Data sample as a dict.
        fault: What does not fit.
        layout: Classes of the data set.

    Returns:
        The error.
    """
    things, total = layout.num_things, len(layout.names)
    return EvaluationError(
        f'{image_of(sample)}: {fault}. The data set has {things} things (labels from 0), {total - things} stuff '
        f'classes (labels from {things}) and {total} for void; give the heads of the model the same num_things and '
        'num_stuff, or choose the classes of the data set by its metainfo.'
    )
