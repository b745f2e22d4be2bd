# 217 COCO photographs, 80 classes of things and no stuff.
_base_ = [
    '../_base_/models/panoptic_solo_effl0_fpn.py',
    '../_base_/datasets/coco_mini_panoptic.py',
    '../_base_/schedules/adamw_1000its.py',
    '../_base_/runtime_by_iteration.py',
]
