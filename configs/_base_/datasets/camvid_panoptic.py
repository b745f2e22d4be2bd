# Street scenes; tools/dataset_tools/semantic_to_panoptic.py makes the folder (see configs/panoptic/README.md).
_base_ = './scenes_panoptic.py'

data_root = 'work_dirs/data/camvid/'
data_remedy = dict(
    folder=data_root,
    text='Make it of label maps: tools/dataset_tools/semantic_to_panoptic.py, see configs/panoptic/README.md.',
)

train_pipeline = _base_.train_pipeline
train_pipeline[2] = dict(type='RandomResize', scale=(320, 240), ratio_range=(0.8, 1.25), keep_ratio=True)
test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = (320, 240)

train_dataloader = dict(dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = _base_.val_evaluator
val_evaluator[0].ann_file = data_root + 'annotations/instances_val.json'
test_evaluator = val_evaluator
