# Overfits 40 photographs at twice their size and is tested on the same ones: does the machinery learn?
_base_ = './solo_effl0_coco_mini.py'

resize = test_resize = [dict(type='Resize', scale=(640, 640), keep_ratio=True)]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *resize, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.test_pack]

model = dict(
    mask_head=dict(
        num_grids=[40, 36, 24, 16, 12],
        scale_ranges=((1, 64), (32, 128), (64, 192), (128, 320), (224, 2048)),
    )
)

train_dataloader = dict(batch_size=2, dataset=dict(indices=40, pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='images/train/'),
        indices=40,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader

train_cfg = dict(max_iters=1200)
