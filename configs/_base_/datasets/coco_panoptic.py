# COCO 2017 with panoptic annotations, as mmdet lays it out.
_base_ = ['mmdet::_base_/datasets/coco_panoptic.py', './parts.py']

resize = [dict(type='Resize', scale=(1333, 800), keep_ratio=True)]
test_resize = resize
train_pipeline = [*_base_.load_image, *_base_.load_segments, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.load_segments, *_base_.test_pack]

train_dataloader = dict(
    dataset=dict(type='CheckedCocoPanopticDataset', filter_cfg=dict(_delete_=True), pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(type='CheckedCocoPanopticDataset', pipeline=test_pipeline))
test_dataloader = val_dataloader
ap_evaluator = dict(
    type='CheckedCocoMetric', ann_file=_base_.data_root + 'annotations/instances_val2017.json', metric=['segm', 'bbox']
)
val_evaluator = [ap_evaluator, _base_.iou_evaluator, _base_.pq_evaluator]
test_evaluator = val_evaluator
