# Instances of your own data on a CPU: images of 320 pixels, 1000 iterations of 4. The embedded scenes stand for the
# data.
_base_ = [
    '../_base_/models/solov2_effl0_fpn.py',
    '../_base_/datasets/scenes_instance.py',
    '../_base_/schedules/adamw_recipes_1000its.py',
    '../_base_/runtime_by_iteration.py',
]

resize = [dict(type='RandomResize', scale=(320, 320), ratio_range=(0.8, 1.2), keep_ratio=True)]
test_resize = [dict(type='Resize', scale=(320, 320), keep_ratio=True)]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.test_pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
