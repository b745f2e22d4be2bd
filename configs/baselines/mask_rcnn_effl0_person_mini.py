# mmdet's Mask R-CNN on the photographs with one person, to compare.
_base_ = [
    '../_base_/models/mask_rcnn_effl0_fpn.py',
    '../_base_/datasets/person_mini_instance.py',
    '../_base_/schedules/adamw_baseline_1000its.py',
    '../_base_/runtime_by_iteration.py',
]

model = dict(roi_head=dict(bbox_head=dict(num_classes=1), mask_head=dict(num_classes=1)))
