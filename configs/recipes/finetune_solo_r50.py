# Fine-tunes mmdet's SOLO for COCO on other classes. Own data take the place of the embedded scenes, see README.md.
_base_ = [
    '../_base_/models/solo_r50_fpn.py',
    '../_base_/datasets/scenes_instance.py',
    '../_base_/schedules/adamw_1000its.py',
    '../_base_/runtime_by_iteration.py',
]

load_from = (
    'https://download.openmmlab.com/mmdetection/v2.0/solo/solo_r50_fpn_3x_coco/'
    'solo_r50_fpn_3x_coco_20210901_012353-11d224d7.pth'
)
custom_hooks = [*_base_.custom_hooks, dict(type='FineTuningHook', anew=['mask_head.conv_cls'])]
# The checkpoint has the backbone, so ImageNet's need not be fetched.
model = dict(backbone=dict(init_cfg=None))

# The classifier starts anew; what was loaded learns at a tenth of its rate.
optim_wrapper = dict(
    optimizer=dict(lr=1e-4), paramwise_cfg=dict(custom_keys=dict(_delete_=True, conv_cls=dict(lr_mult=10.0)))
)

resize = [dict(type='RandomResize', scale=[(800, 448), (800, 576)], keep_ratio=True)]
test_resize = [dict(type='Resize', scale=(800, 512), keep_ratio=True)]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.test_pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
