# The embedded data with things and stuff.
_base_ = './scenes_instance.py'

dataset_type = 'CheckedCocoPanopticDataset'

train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadPanopticSegments'),
    dict(type='Resize', scale=(320, 256), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='FixClassGT'),
    dict(type='PackPanopticInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(320, 256), keep_ratio=True),
    # After Resize: predictions are scored at the size of the annotations.
    dict(type='LoadPanopticSegments'),
    dict(type='PackPanopticInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        ann_file='annotations/panoptic_train.json',
        data_prefix=dict(seg='annotations/panoptic_train/'),
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        ann_file='annotations/panoptic_val.json',
        data_prefix=dict(seg='annotations/panoptic_val/'),
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader

val_evaluator = [
    dict(
        type='CocoMetric',
        ann_file='work_dirs/data/scenes/annotations/instances_val.json',
        metric=['segm', 'bbox'],
    ),
    dict(type='SemanticIoUMetric'),
    dict(type='PanopticQualityMetric'),
]
test_evaluator = val_evaluator
