# mmdet's own PanopticFPN on the scenes, to compare. It gives a panoptic map only, so PQ is the only table.
_base_ = [
    '../_base_/models/panoptic_fpn_effl0_fpn.py',
    '../_base_/datasets/scenes_panoptic.py',
    '../_base_/schedules/adamw_baseline_1000its.py',
    '../_base_/runtime_by_iteration.py',
]

num_classes = dict(num_things_classes=8, num_stuff_classes=5)
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=8), mask_head=dict(num_classes=8)),
    semantic_head=num_classes,
    panoptic_fusion_head=num_classes,
)

val_evaluator = [_base_.pq_evaluator]
test_evaluator = val_evaluator
