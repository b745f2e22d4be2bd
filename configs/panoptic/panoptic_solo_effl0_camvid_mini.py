# 367 street frames: car, pedestrian and bicyclist as things (components of the label maps), 8 classes of stuff.
_base_ = [
    '../_base_/models/panoptic_solo_effl0_fpn.py',
    '../_base_/datasets/camvid_panoptic.py',
    '../_base_/schedules/adamw_1000its.py',
    '../_base_/runtime_by_iteration.py',
]

num_classes = dict(num_things=3, num_stuff=8)
model = dict(mask_head=dict(num_classes=3), semantic_head=num_classes, fusion_head=num_classes)
