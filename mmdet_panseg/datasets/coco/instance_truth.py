"""Ground truth for COCO's evaluation, as a data set has read and checked it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from mmdet_panseg.datasets.errors import AnnotationFileError, shown
from mmdet_panseg.ops import rle_code

from .annotation_checks import check_area, check_box, check_mask

TRUTH_KEY = 'coco_annotations'
"""Key of the records of a data set in test mode: the annotations of the image that COCO's evaluation counts."""

FEDERATED_KEYS = ('neg_category_ids', 'not_exhaustive_category_ids')
"""What LVIS says of an image: categories that it has not, and those of which not every object is annotated."""

STILL_COUNTED = ('box_outside', 'box_fraction', 'box_too_small', 'no_area')
"""Reasons for which training leaves an annotation out, and COCO's evaluation does not."""


@dataclass(frozen=True)
class ImageTruth:
    """Objects of an image that COCO's evaluation counts, N of them.

    Attributes:
        image_id: Id of the image.
        size: Height and width of the image.
        labels: Label of each object, int64, shape ``(N,)``.
        boxes: ``(x, y, width, height)`` in pixels, float64, shape ``(N, 4)``.
        areas: Areas in pixels as the file has them, float64, shape ``(N,)``.
        crowds: Which are crowds, bool, shape ``(N,)``.
        codes: ``counts`` of the run lengths of each mask; None if masks were not wanted or the data have none.
        absent: Labels of which LVIS says that the image has none; None without :data:`FEDERATED_KEYS`.
        incomplete: Labels of which LVIS says that not all objects are annotated.
    """

    image_id: Any
    size: tuple[int, int]
    labels: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.float64]
    areas: npt.NDArray[np.float64]
    crowds: npt.NDArray[np.bool_]
    codes: list[bytes] | None
    absent: list[int] | None = None
    incomplete: list[int] | None = None

    def __len__(self) -> int:
        """Count the objects."""
        return len(self.labels)

    def select(self, index: npt.NDArray) -> ImageTruth:
        """Choose objects by flags, shape ``(N,)``, or numbers."""
        numbers = np.arange(len(self))[index]
        parts = {key: getattr(self, key)[numbers] for key in ('labels', 'boxes', 'areas', 'crowds')}
        return replace(self, **parts, codes=self.codes and [self.codes[number] for number in numbers.tolist()])

    def coco_image(self, image_id: Any) -> dict:
        """Give the entry of the image in a COCO file, with labels for category ids."""
        entry = dict(id=image_id, height=self.size[0], width=self.size[1])
        return (
            entry
            if self.absent is None
            else {**entry, **dict(zip(FEDERATED_KEYS, (self.absent, self.incomplete), strict=True))}
        )

    def annotations(
        self, image_id: Any, category_ids: Sequence[Any], first: int, with_masks: bool = True
    ) -> list[dict]:
        """Give entries of a COCO file, masks as run lengths.

        Args:
            image_id: Id of the image in the entries.
            category_ids: Category id of each label.
            first: Id of the first of them.
            with_masks: Whether they have masks, if there are any.
        """
        size = list(self.size)
        columns = (column.tolist() for column in (self.labels, self.boxes, self.areas, self.crowds))
        entries = [
            dict(id=number, image_id=image_id, category_id=category_ids[label], bbox=box, area=area, iscrowd=int(crowd))
            for number, (label, box, area, crowd) in enumerate(zip(*columns, strict=True), start=first)
        ]
        for entry, code in zip(entries, self.codes if with_masks and self.codes else (), strict=False):
            entry['segmentation'] = dict(size=size, counts=code)
        return entries


@dataclass(frozen=True)
class InstanceTruth:
    """What COCO's evaluation compares predictions with.

    Attributes:
        images: The images of the data.
        categories: ``id``, ``name`` and ``frequency`` (LVIS's r, c or f; None elsewhere) of each class, in the order of
            the labels.
    """

    images: list[ImageTruth]
    categories: list[dict]

    def of_images(self, ids: Container[Any]) -> InstanceTruth:
        """Give the part that is of images with these ids."""
        return InstanceTruth([image for image in self.images if image.image_id in ids], self.categories)

    def coco_file(self) -> dict[str, list[dict]]:
        """Give the content of a COCO file, with annotation ids from 1: pycocotools takes a match with id 0 for none."""
        category_ids = [category['id'] for category in self.categories]
        annotations: list[dict] = []
        for image in self.images:
            annotations += image.annotations(image.image_id, category_ids, len(annotations) + 1)
        images = [image.coco_image(image.image_id) for image in self.images]
        return dict(images=images, annotations=annotations, categories=self.categories)


def counted_annotation(annotation: dict, height: int, width: int, with_mask: bool) -> dict | None:
    """Give what COCO's evaluation takes of an annotation, None if it cannot take it.

    It counts objects that training leaves out, such as those below a pixel, and takes no notice of ``ignore``.

    Args:
        annotation: Entry of the file's ``annotations``.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        with_mask: Whether it needs a usable mask.

    Returns:
        The annotation without ``id``.
    """
    if check_box(annotation['bbox'], height, width) not in (None, *STILL_COUNTED):
        return None
    area = annotation['area']
    if check_area(area) not in (None, *STILL_COUNTED):
        return None
    checked = check_mask(annotation, height, width)[0] if with_mask else annotation
    if checked is None:
        return None
    kept = {key: checked[key] for key in ('image_id', 'category_id', 'bbox', 'area')}
    if checked.get('segmentation'):
        kept['segmentation'] = checked['segmentation']
    return {**kept, 'iscrowd': int(checked.get('iscrowd', 0))}


def truth_of(datasets: Sequence[Dataset], classes: Sequence[str], where: str, with_masks: bool) -> InstanceTruth:
    """Collect the ground truth of data sets in test mode.

    Args:
        datasets: ``CheckedCocoDataset``, one for each part of the data.
        classes: Class names in the order of the labels.
        where: What the data belong to, for error texts.
        with_masks: Whether masks are wanted.

    Returns:
        Images of all of them, with the category ids of the first.

    Raises:
        AnnotationFileError: If a class is missing in a file, or two parts have images of the same id.
    """
    ids = [_category_ids(dataset, classes, where) for dataset in datasets]
    images: dict[Any, ImageTruth] = {}
    for dataset, own in zip(datasets, ids, strict=True):
        labels = {category_id: label for label, category_id in enumerate(own)}
        for info in map(dataset.get_data_info, range(len(dataset))):
            if info['img_id'] in images:
                raise AnnotationFileError(
                    f"{where}: image id {info['img_id']} is in '{dataset.ann_file}' and in another of its files; give "
                    'every image an id of its own, or evaluate the files one by one.'
                )
            images[info['img_id']] = _image_truth(info, labels, with_masks and dataset.with_mask)
    frequencies = datasets[0].frequencies
    categories = [
        dict(id=number, name=name, frequency=frequencies[name]) for number, name in zip(ids[0], classes, strict=True)
    ]
    return InstanceTruth(list(images.values()), categories)


def _category_ids(dataset: Dataset, classes: Sequence[str], where: str) -> list[Any]:
    known = dict(zip(dataset.metainfo['classes'], dataset.cat_ids, strict=True))
    missing = [name for name in classes if name not in known]
    if missing:
        raise AnnotationFileError(
            f"{where}: '{dataset.ann_file}' has no category named {shown([repr(name) for name in missing])}, which "
            'the data and the model have; name the annotation file of these data, or add the categories.'
        )
    return [known[name] for name in classes]


def _image_truth(info: dict, labels: dict[Any, int], with_masks: bool) -> ImageTruth:
    used = [annotation for annotation in info[TRUTH_KEY] if annotation['category_id'] in labels]
    size = (info['height'], info['width'])
    return ImageTruth(
        info['img_id'],
        size,
        labels=np.array([labels[annotation['category_id']] for annotation in used], np.int64),
        boxes=np.array([annotation['bbox'] for annotation in used], np.float64).reshape(-1, 4),
        areas=np.array([annotation['area'] for annotation in used], np.float64),
        crowds=np.array([annotation['iscrowd'] for annotation in used], bool),
        codes=[rle_code(annotation['segmentation'], size) for annotation in used] if with_masks else None,
        **dict(zip(('absent', 'incomplete'), _federated(info, labels), strict=True)),
    )


def _federated(info: dict, labels: dict[Any, int]) -> tuple[list[int] | None, list[int] | None]:
    if any(key not in info for key in FEDERATED_KEYS):
        return None, None
    absent, incomplete = ([labels[number] for number in info[key] if number in labels] for key in FEDERATED_KEYS)
    return absent, incomplete
