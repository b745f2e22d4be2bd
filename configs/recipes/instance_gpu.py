# Instances of your own data on one GPU: EfficientNet-Lite2, images of 640 pixels, 3000 iterations of 8. Train it with
# --amp.
_base_ = './instance_cpu.py'

model = dict(
    backbone=dict(arch='lite2'),
    neck=dict(in_channels=[24, 48, 120, 352]),
    mask_head=dict(
        num_grids=[40, 36, 24, 16, 12],
        scale_ranges=((1, 64), (32, 128), (80, 192), (144, 288), (208, 2048)),
    ),
)

resize = [dict(type='RandomResize', scale=(640, 640), ratio_range=(0.8, 1.2), keep_ratio=True)]
test_resize = [dict(type='Resize', scale=(640, 640), keep_ratio=True)]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.test_pack]
train_dataloader = dict(batch_size=8, num_workers=4, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(max_iters=3000)
