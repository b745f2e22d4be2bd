"""Ground truth for COCO's evaluation, as a data set has read and checked it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils.data import Dataset

from mmdet_panseg.datasets.errors import AnnotationFileError, shown

from .annotation_checks import check_area, check_box, check_mask

TRUTH_KEY = 'coco_annotations'
"""Key of the records of a data set in test mode: the annotations of the image that COCO's evaluation counts."""

STILL_COUNTED = ('box_outside', 'box_fraction', 'box_too_small', 'no_area')
"""Reasons for which training leaves an annotation out, and COCO's evaluation does not."""


@dataclass(frozen=True)
class InstanceTruth:
    """The lists of a COCO file.

    Attributes:
        images: ``id``, ``file_name``, ``height``, ``width`` of each image of the data.
        annotations: Checked annotations with ids from 1: pycocotools takes a match with id 0 for none.
        categories: ``id`` and ``name`` of each class, in the order of the labels.
    """

    images: list[dict]
    annotations: list[dict]
    categories: list[dict]

    def of_images(self, ids: Container[Any]) -> InstanceTruth:
        """Give the part that is of images with these ids."""
        return InstanceTruth(
            [image for image in self.images if image['id'] in ids],
            [annotation for annotation in self.annotations if annotation['image_id'] in ids],
            self.categories,
        )


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


def truth_of(datasets: Sequence[Dataset], classes: Sequence[str], where: str) -> InstanceTruth:
    """Collect the ground truth of data sets in test mode.

    Args:
        datasets: ``CheckedCocoDataset``, one for each part of the data.
        classes: Class names in the order of the labels.
        where: What the data belong to, for error texts.

    Returns:
        Images and annotations of all of them, with the category ids of the first.

    Raises:
        AnnotationFileError: If a class is missing in a file, or two parts have images of the same id.
    """
    ids = [_category_ids(dataset, classes, where) for dataset in datasets]
    images: dict[Any, dict] = {}
    annotations: list[dict] = []
    for dataset, own in zip(datasets, ids, strict=True):
        shared = dict(zip(own, ids[0], strict=True))
        for info in map(dataset.get_data_info, range(len(dataset))):
            if info['img_id'] in images:
                raise AnnotationFileError(
                    f"{where}: image id {info['img_id']} is in '{dataset.ann_file}' and in another of its files; give "
                    'every image an id of its own, or evaluate the files one by one.'
                )
            images[info['img_id']] = dict(
                id=info['img_id'], file_name=info['img_path'], height=info['height'], width=info['width']
            )
            annotations += _numbered(info[TRUTH_KEY], shared, len(annotations) + 1)
    categories = [dict(id=number, name=name) for number, name in zip(ids[0], classes, strict=True)]
    return InstanceTruth(list(images.values()), annotations, categories)


def _category_ids(dataset: Dataset, classes: Sequence[str], where: str) -> list[Any]:
    known = dict(zip(dataset.metainfo['classes'], dataset.cat_ids, strict=True))
    missing = [name for name in classes if name not in known]
    if missing:
        raise AnnotationFileError(
            f"{where}: '{dataset.ann_file}' has no category named {shown([repr(name) for name in missing])}, which "
            'the data and the model have; name the annotation file of these data, or add the categories.'
        )
    return [known[name] for name in classes]


def _numbered(annotations: Iterable[dict], category_ids: dict[Any, Any], first: int) -> list[dict]:
    used = [annotation for annotation in annotations if annotation['category_id'] in category_ids]
    return [
        {**annotation, 'category_id': category_ids[annotation['category_id']], 'id': number}
        for number, annotation in enumerate(used, start=first)
    ]
