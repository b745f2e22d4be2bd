# COCO 2017 as mmdet lays it out, with this project's checks and targets.
_base_ = ['mmdet::_base_/datasets/coco_instance.py', './parts.py']

resize = [dict(type='Resize', scale=(1333, 800), keep_ratio=True)]
test_resize = resize
train_pipeline = [*_base_.load_image, *_base_.load_instances, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.test_pack]

train_dataloader = dict(
    dataset=dict(type='CheckedCocoDataset', filter_cfg=dict(_delete_=True), pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(type='CheckedCocoDataset', pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='CheckedCocoMetric', metric=['segm', 'bbox'])
test_evaluator = val_evaluator
