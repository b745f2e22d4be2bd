# 36 epochs, with images of 640 to 960 pixels on the short side.
_base_ = [
    '../_base_/models/panoptic_solo_r50_fpn.py',
    '../_base_/datasets/coco_panoptic.py',
    '../_base_/schedules/sgd_3x.py',
    '../_base_/default_runtime.py',
]

model = dict(num_things=80, num_stuff=53)

resize = [dict(type='RandomResize', scale=[(1333, 640), (1333, 960)], keep_ratio=True)]
train_pipeline = [*_base_.load_image, *_base_.load_segments, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
