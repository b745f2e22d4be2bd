# COCO, ResNet-50, 8 GPUs with 2 images each.
_base_ = [
    '../_base_/models/panoptic_solo_r50_fpn.py',
    '../_base_/datasets/coco_panoptic.py',
    '../_base_/schedules/sgd_1x.py',
    '../_base_/default_runtime.py',
]

model = dict(num_things=80, num_stuff=53)
