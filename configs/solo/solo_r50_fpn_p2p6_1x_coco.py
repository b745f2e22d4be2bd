# COCO, ResNet-50, 8 GPUs with 2 images each.
_base_ = [
    '../_base_/models/solo_r50_fpn.py',
    '../_base_/datasets/coco_instance.py',
    '../_base_/schedules/sgd_1x.py',
    '../_base_/default_runtime.py',
]

model = dict(mask_head=dict(num_classes=80))
