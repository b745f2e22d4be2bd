"""How far the results of an exported model are from those of torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from mmdet.structures import DetDataSample

from mmdet_panseg.apis.inference.prediction import ClassNames
from mmdet_panseg.apis.inference.sample_reading import read_prediction

SCORE_TOLERANCE = 1e-3
"""Greatest difference of scores."""

MASK_TOLERANCE = 0.01
"""Greatest part of an object's pixels, and of those of a map, that may differ; up to four pixels always may."""

_FEW_PIXELS = 4

Arrays = Mapping[str, npt.NDArray]


class Difference(NamedTuple):
    """Greatest differences over one image or several.

    Attributes:
        scores: Of the scores of instances.
        masks: Pixels of a mask that differ, as a part of its area.
        maps: Pixels of the semantic or panoptic map that differ, as a part of all.
        instances: Number of instances that were compared.
        fault: What is beyond the tolerances; empty if nothing is.
    """

    scores: float = 0.0
    masks: float = 0.0
    maps: float = 0.0
    instances: int = 0
    fault: str = ''

    def with_other(self, other: Difference) -> Difference:
        """Join the differences of two images."""
        return Difference(
            max(self.scores, other.scores),
            max(self.masks, other.masks),
            max(self.maps, other.maps),
            self.instances + other.instances,
            self.fault or other.fault,
        )


def expected_arrays(sample: DetDataSample, classes: ClassNames) -> dict[str, npt.NDArray]:
    """Take the arrays out of a detector's result, named as an exported model names them.

    Args:
        sample: The result for an image.
        classes: The detector's classes.

    Returns:
        Of ``boxes``, ``scores``, ``labels``, ``masks``, ``semantic_map`` and ``panoptic_map`` those that there are.
    """
    arrays = {}
    if 'pred_instances' in sample:
        found = sample.pred_instances
        names = dict(boxes='bboxes', scores='scores', labels='labels', masks='masks')
        arrays = {name: found[key].numpy() for name, key in names.items()}
    # No instance reaches this score: theirs are taken as they are.
    read = read_prediction(sample, 'image', (0, 0), classes, score_thr=2.0)
    for name in ('semantic_map', 'panoptic_map'):
        if getattr(read, name) is not None:
            arrays[name] = getattr(read, name)
    return arrays


def compare(expected: Arrays, found: Mapping[str, Any]) -> Difference:
    """Compare the results for an image.

    Instances are paired by class and score, since of equal scores either may come first.

    Args:
        expected: What :func:`expected_arrays` has taken from torch.
        found: What the exported model gives.

    Returns:
        The differences.
    """
    difference = Difference()
    if 'scores' in expected:
        difference = _compare_instances(expected, found)
    for name in ('semantic_map', 'panoptic_map'):
        if name in expected:
            unequal = np.count_nonzero(expected[name] != found[name])
            part = unequal / max(1, expected[name].size)
            fault = ''
            if part > MASK_TOLERANCE and unequal > _FEW_PIXELS:
                fault = f'{part:.2%} of the pixels of the {name.replace("_", " ")} differ'
            difference = difference.with_other(Difference(maps=part, fault=fault))
    return difference


def _compare_instances(expected: Arrays, found: Arrays) -> Difference:
    number = len(expected['scores'])
    if number != len(found['scores']):
        return Difference(fault=f'{len(found["scores"])} instances in place of {number}')
    free = np.ones(number, bool)
    difference = Difference(instances=number)
    for score, label, mask, box in zip(*(expected[key] for key in ('scores', 'labels', 'masks', 'boxes')), strict=True):
        near = free & (found['labels'] == label) & (np.abs(found['scores'] - score) <= SCORE_TOLERANCE)
        places = np.flatnonzero(near)
        if len(places) == 0:
            return difference._replace(fault=f'no instance of class {label} with score {score:.4f}')
        unequal = np.array([np.count_nonzero(found['masks'][place] != mask) for place in places])
        best = int(unequal.argmin())
        place, part = places[best], unequal[best] / max(1, np.count_nonzero(mask))
        free[place] = False
        fault = ''
        if part > MASK_TOLERANCE and unequal[best] > _FEW_PIXELS:
            fault = f'{part:.2%} of the pixels of an instance of class {label} differ'
        elif unequal[best] == 0 and not np.array_equal(found['boxes'][place], box):
            fault = f'an instance of class {label} has another box'
        one = Difference(abs(float(found['scores'][place] - score)), float(part), fault=fault)
        difference = difference.with_other(one)
    return difference
