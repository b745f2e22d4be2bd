# 217 COCO photographs, 80 classes.
_base_ = [
    '../_base_/models/solo_effl0_fpn.py',
    '../_base_/datasets/coco_mini_instance.py',
    '../_base_/schedules/adamw_1000its.py',
    '../_base_/runtime_by_iteration.py',
]
