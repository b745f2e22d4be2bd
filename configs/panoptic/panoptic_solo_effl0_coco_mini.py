# 217 COCO photographs, 80 classes of things and no stuff.
_base_ = [
    '../_base_/models/panoptic_solo_effl0_fpn.py',
    '../_base_/datasets/coco_mini_panoptic.py',
    '../_base_/schedules/adamw_1000its.py',
    '../_base_/runtime_by_iteration.py',
]

num_classes = dict(num_things=80, num_stuff=0)
model = dict(semantic_head=num_classes, fusion_head=num_classes)
