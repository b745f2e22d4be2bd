"""Loading of COCO panoptic ground truth as one map."""

from __future__ import annotations

import logging
import os.path as osp

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmengine.logging import print_log

from mmdet_panseg.datasets.coco.panoptic_png import decode_panoptic_png
from mmdet_panseg.datasets.errors import AnnotationFileError, MissingDataError, shown
from mmdet_panseg.datasets.images.image_files import is_remote, read_file
from mmdet_panseg.datasets.images.shared_flag import SharedFlag
from mmdet_panseg.ops import MAX_SEGMENTS, VOID_LABEL, SegmentTable, segment_map_from_ids, segment_rows


@TRANSFORMS.register_module()
class LoadPanopticSegments(BaseTransform):
    """Load a panoptic PNG as a segment map, by one table look-up for all segments of the image.

    The map stands under mmdet's key ``gt_seg_map``, so every transform of mmdet and mmcv that takes semantic maps along
    (``Resize``, ``RandomFlip``, ``RandomCrop``, ``Pad``, ...) augments instances, classes and ids at once.
    ``FixClassGT`` then makes boxes, masks and the semantic map from it. Transforms that choose by boxes
    (``MinIoURandomCrop``) or that take no maps along (``Mosaic``, ``RandomAffine``) do not fit between the two.

    Pixels of ids that ``segments_info`` does not list are void and segments without pixels are dropped; the first file
    with either is named in the log. A sample without ``seg_map_path`` (no ground truth) passes unchanged.

    Records of mmdet's ``CocoPanopticDataset`` load too; it takes crowds for stuff of their class.

    Required keys: ``seg_map_path``, ``segments_info``, ``height`` and ``width`` or ``ori_shape``. Added keys:
    ``gt_seg_map``, uint16, shape (H, W); ``gt_segments``, its :class:`mmdet_panseg.ops.SegmentTable`; ``ignore_index``.

    Args:
        backend_args: File backend, as in mmdet's transforms.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args
        self.reported = {'unknown': SharedFlag(), 'absent': SharedFlag()}

    def transform(self, results: dict) -> dict:
        """Load one sample.

        Raises:
            MissingDataError: If the PNG does not exist.
            AnnotationFileError: If it is no RGB PNG of eight bits a channel, or has more segments than a map can.
            BrokenImageError: If it cannot be read, is truncated, does not decode or has another size than the image.
        """
        path = results.get('seg_map_path')
        if path is None:
            return results
        size = (results['height'], results['width']) if 'height' in results else results['ori_shape']
        ids = decode_panoptic_png(self._read(path), path, size)
        segments = results['segments_info']
        if len(segments) > MAX_SEGMENTS:
            raise AnnotationFileError(
                f"Panoptic PNG '{path}': 'segments_info' lists {len(segments)} segments, a segment map holds at most "
                f'{MAX_SEGMENTS}; unite small ones or make them void.'
            )
        segment_ids = np.array([segment['id'] for segment in segments], np.int64)
        found = segment_map_from_ids(ids, segment_ids)
        if len(found.unknown):
            self._report('unknown', path, found.unknown, "which 'segments_info' does not list; their pixels are void")
        if not found.present.all():
            self._report('absent', path, segment_ids[~found.present], 'which the PNG does not have; they are dropped')
        results['gt_seg_map'] = found.rows
        results['gt_segments'] = _table_of(segments, found.present)
        results['ignore_index'] = VOID_LABEL
        return results

    def _read(self, path: str) -> bytes:
        if not is_remote(path, self.backend_args) and not osp.isfile(path):
            raise MissingDataError(
                f"Panoptic PNG '{path}' does not exist: correct 'data_prefix' (seg) of the data set, or add the file."
            )
        return read_file(path, self.backend_args, 'Panoptic PNG', 'seg_map_path')

    def _report(self, kind: str, path: str, ids: np.ndarray, text: str) -> None:
        if self.reported[kind].raise_first():
            print_log(
                f"Panoptic PNG '{path}' and its annotation differ: {len(ids)} ids ({shown(ids.tolist())}) {text}. "
                'Further files with this fault are not named.',
                logger='current',
                level=logging.WARNING,
            )

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend_args={self.backend_args})'


def _table_of(segments: list[dict], present: np.ndarray) -> SegmentTable:
    """Table of ``segments_info``; segments that are void or have no pixels become void rows."""
    table = SegmentTable.from_segments(
        [segment['id'] for segment in segments],
        [segment['category'] for segment in segments],
        [segment['is_thing'] for segment in segments],
        [segment.get('iscrowd', False) for segment in segments],
    )
    dropped = table.labels == VOID_LABEL
    dropped[segment_rows(len(segments))[~present]] = True
    return table.void(dropped)
