# The embedded data; tools/dataset_tools/make_scenes.py makes it.
_base_ = './parts.py'

dataset_type = 'CheckedCocoDataset'
data_root = 'work_dirs/data/scenes/'
data_remedy = dict(folder=data_root, text='Make the scenes: python tools/dataset_tools/make_scenes.py.')

resize = [dict(type='Resize', scale=(320, 256), keep_ratio=True)]
test_resize = resize
train_pipeline = [*_base_.load_image, *_base_.load_instances, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.test_pack]

train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='images/train/'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/instances_val.json',
        data_prefix=dict(img='images/val/'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

ap_evaluator = dict(type='CheckedCocoMetric', metric=['segm', 'bbox'])
val_evaluator = ap_evaluator
test_evaluator = val_evaluator
