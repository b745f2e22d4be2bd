# The embedded data with things and stuff.
_base_ = './scenes_instance.py'

dataset_type = 'CheckedCocoPanopticDataset'

train_pipeline = [
    *_base_.load_image,
    *_base_.load_segments,
    *_base_.resize,
    *_base_.flip,
    *_base_.targets,
    *_base_.pack,
]
# Segments are loaded after the resize: predictions are scored at the size of the annotations.
test_pipeline = [*_base_.load_image, *_base_.test_resize, *_base_.load_segments, *_base_.test_pack]

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

ap_evaluator = dict(_base_.ap_evaluator, ann_file=_base_.data_root + 'annotations/instances_val.json')
val_evaluator = [ap_evaluator, _base_.iou_evaluator, _base_.pq_evaluator]
test_evaluator = val_evaluator
