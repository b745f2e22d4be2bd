"""Classes of the data set that is evaluated, and whether the model means the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mmdet_panseg.datasets.dataset_classes import DatasetClasses

from .errors import EvaluationError
from .sample_maps import image_of


def class_names(dataset_meta: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Read the names of the classes.

    Args:
        dataset_meta: Meta information of the data set.

    Returns:
        Names by label.

    Raises:
        EvaluationError: If it does not have them.
    """
    names = (dataset_meta or {}).get('classes')
    if not names:
        raise EvaluationError(
            "the data set's metainfo has no 'classes', so labels have no meaning; set metainfo.classes."
        )
    return tuple(names)


def panoptic_classes(dataset_meta: Mapping[str, Any] | None) -> DatasetClasses:
    """Read the classes of a panoptic data set.

    Args:
        dataset_meta: Meta information of the data set: ``classes``, ``thing_classes``, ``stuff_classes`` and,
            optionally, ``category_ids``.

    Returns:
        The classes.

    Raises:
        EvaluationError: If it lacks classes, or things do not come before stuff.
    """
    names = class_names(dataset_meta)
    things, stuff = (tuple(dataset_meta.get(key) or ()) for key in ('thing_classes', 'stuff_classes'))
    if things + stuff != names:
        place = next((i for i, pair in enumerate(zip(names, things + stuff, strict=False)) if len(set(pair)) > 1), None)
        where = f'; they first differ at label {place} ({names[place]!r})' if place is not None else ''
        raise EvaluationError(
            f"the data set's metainfo has {len(names)} 'classes', but {len(things)} 'thing_classes' and {len(stuff)} "
            f"'stuff_classes'{where}. 'classes' must list all things and then all stuff."
        )
    return DatasetClasses.from_metainfo({**dataset_meta, 'thing_classes': things})


def check_segments(sample: Mapping[str, Any], pred_map: npt.NDArray[np.integer], classes: DatasetClasses) -> None:
    """Compare the classes of the data set with the segments that the model names, where it does (``segments_info``).

    A model with fewer classes has a smaller value for void, which reads like a class of the data set: labels alone do
    not show that.

    Args:
        sample: Data sample as a dict.
        pred_map: Its predicted panoptic map, shape ``(H, W)``.
        classes: Classes of the data set.

    Raises:
        EvaluationError: If the two do not agree on things, stuff and void.
    """
    segments = sample['pred_panoptic_seg'].get('segments_info')
    if segments is None:
        return
    for segment in segments:
        label, thing = segment['category'], bool(segment['isthing'])
        if not label < len(classes.names) or thing != (label < classes.num_things):
            raise disagreement(
                sample, f'predicted label {label} is {"a thing" if thing else "stuff"} of the model', classes
            )
    void = pred_map.size - sum(segment['area'] for segment in segments)
    counted = int(np.count_nonzero(pred_map == len(classes.names)))
    if void != counted:
        raise disagreement(
            sample, f'{void} pixels are in no predicted segment, but {counted} have the value of void', classes
        )


def disagreement(sample: Mapping[str, Any], fault: str, classes: DatasetClasses) -> EvaluationError:
    """Make the error of a model and a data set with different classes.

    Args:
        sample: Data sample as a dict.
        fault: What does not fit.
        classes: Classes of the data set.

    Returns:
        The error.
    """
    things, total = classes.num_things, len(classes.names)
    return EvaluationError(
        f'{image_of(sample)}: {fault}. The data set has {things} things (labels from 0), {total - things} stuff '
        f'classes (labels from {things}) and {total} for void; give the heads of the model the same num_things and '
        'num_stuff, or choose the classes of the data set by its metainfo.'
    )
