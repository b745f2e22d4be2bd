"""What a SOLO head needs to know about the objects of an image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from mmdet.structures.bbox import get_box_tensor
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn import functional as F

from mmdet_panseg.datasets.transforms.instance_keys import MASK_TARGET_KEY
from mmdet_panseg.ops import mask_geometry, mask_targets
from mmdet_panseg.structures import BoxedTargets

# Full targets of so many objects are held at a time.
_OBJECTS_AT_A_TIME = 64


@dataclass
class GTObjects:
    """The ``N`` objects of an image.

    Attributes:
        boxes: ``(x1, y1, x2, y2)`` in pixels of the input, shape ``(N, 4)``.
        labels: Class indices, int64, shape ``(N,)``.
        areas: Mask areas in pixels, shape ``(N,)``.
        centers: Centres of mass ``(x, y)`` in pixels, shape ``(N, 2)``.
        masks: Full masks, uint8 array of shape ``(N, H, W)`` padded to the network's input; None when the data pipeline
            made the targets.
        made_targets: Targets by stride that the data pipeline made, of shape ``(N, h, w)``, or tensors, uint8.
    """

    boxes: Tensor
    labels: Tensor
    areas: Tensor
    centers: Tensor
    masks: np.ndarray | None = None
    made_targets: dict[int, BoxedTargets | Tensor] = field(default_factory=dict)

    @classmethod
    def from_instances(
        cls, instances: InstanceData, padded_size: tuple[int, int], image_size: tuple[int, int] = (0, 0)
    ) -> GTObjects:
        """Read the objects out of mmdet's ``gt_instances``.

        Args:
            instances: Has ``bboxes`` and ``labels``, and either what :class:`~mmdet_panseg.datasets.FixClassGT` adds
                (``areas``, ``centers``, ``mask_targets_S``) or mmdet's ``masks``.
            padded_size: Height and width of the network's input in pixels.
            image_size: Height and width of the image in it.

        Raises:
            KeyError: If there are neither masks nor mask targets.
            ValueError: If they are of a smaller image.
        """
        boxes, labels = get_box_tensor(instances.bboxes), instances.labels
        prefix = MASK_TARGET_KEY.format('')
        keys = [key for key in instances.keys() if key.startswith(prefix)]  # noqa: SIM118
        made = {int(key.removeprefix(prefix)): instances[key] for key in keys}
        if made:
            stride, targets = next(iter(made.items()))
            _require_room([stride * (side + 1) for side in targets.shape[1:]], image_size)
            return cls(boxes, labels, instances.areas, instances.centers, made_targets=made)
        if 'masks' not in instances:
            raise KeyError(
                "gt_instances has neither 'masks' nor mask targets: load masks with "
                'LoadAnnotations(with_mask=True) and pack them with PackPanopticInputs or PackDetInputs'
            )
        masks = instances.masks
        _require_room([masks.height, masks.width], image_size)
        if tuple(padded_size) != (masks.height, masks.width):
            masks = masks.pad(padded_size)
        array = masks.to_ndarray().reshape(len(labels), *padded_size).astype(np.uint8, copy=False)
        geometry = mask_geometry(array)
        areas, centers = (torch.from_numpy(values).to(boxes.device) for values in (geometry.areas, geometry.centers))
        return cls(boxes, labels, areas, centers, masks=array)

    def targets(self, stride: int, objects: Tensor, size: tuple[int, int]) -> Tensor:
        """Give the mask targets of some objects.

        Args:
            stride: Size of a target pixel in pixels of the input.
            objects: Indices of the objects, shape ``(P,)``.
            size: Height and width of the targets; masks are padded with zeros or cropped at the bottom and right.

        Returns:
            Binary targets, uint8, shape ``(P, *size)``.

        Raises:
            KeyError: If the data pipeline made targets, but not at this stride.
            ValueError: If the targets were made for a larger input.
        """
        if self.masks is not None:
            chosen = mask_targets(self.masks[objects.cpu().numpy()], stride)
            targets = torch.from_numpy(chosen).to(objects.device)
        elif stride in self.made_targets:
            made = self.made_targets[stride]
            targets = made.dense(objects) if isinstance(made, BoxedTargets) else made[objects]
        else:
            raise KeyError(
                f'the head needs mask targets at stride {stride}, the data pipeline made them at '
                f'{sorted(self.made_targets)}: set FixClassGT(strides=...) in the train pipeline'
            )
        height, width = targets.shape[1:]
        if (height, width) == tuple(size):
            return targets
        if height - size[0] > 1 or width - size[1] > 1:
            raise ValueError(
                f'mask targets of {height}x{width} at stride {stride} are larger than the network input has room for, '
                f"{size[0]}x{size[1]}: give FixClassGT(size_divisor=...) the value of the data preprocessor's "
                'pad_size_divisor'
            )
        return F.pad(targets, (0, size[1] - width, 0, size[0] - height))

    def target_chunks(self, stride: int, objects: Tensor, size: tuple[int, int]) -> Iterator[tuple[Tensor, Tensor]]:
        """Give what :meth:`targets` gives, for some objects at a time.

        Args:
            stride: As in :meth:`targets`.
            objects: As in :meth:`targets`.
            size: As in :meth:`targets`.

        Yields:
            Indices of some of the objects, and their targets.
        """
        for some in objects.split(_OBJECTS_AT_A_TIME) if len(objects) else ():
            yield some, self.targets(stride, some, size)


def _require_room(covered: Sequence[int], image_size: Sequence[int]) -> None:
    """Raise if ground truth covers fewer pixels than the image has."""
    if any(part < side for part, side in zip(covered, image_size, strict=True)):
        raise ValueError(
            f'the image has {image_size[0]}x{image_size[1]} pixels (height x width) and its masks at most '
            f'{covered[0]}x{covered[1]}: batch augmentations of the data preprocessor (batch_augments, such as '
            'BatchSyncRandomResize) resize images but no masks; resize in the train pipeline, by RandomResize'
        )
