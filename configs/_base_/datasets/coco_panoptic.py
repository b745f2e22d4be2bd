# COCO 2017 with panoptic annotations, as mmdet lays it out.
_base_ = 'mmdet::_base_/datasets/coco_panoptic.py'

train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadPanopticSegments'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='FixClassGT'),
    dict(type='PackPanopticInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='LoadPanopticSegments'),
    dict(type='PackPanopticInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(
    dataset=dict(type='CheckedCocoPanopticDataset', filter_cfg=dict(_delete_=True), pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(type='CheckedCocoPanopticDataset', pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='CocoMetric', ann_file=_base_.data_root + 'annotations/instances_val2017.json', metric=['segm', 'bbox']),
    dict(type='SemanticIoUMetric'),
    dict(type='PanopticQualityMetric'),
]
test_evaluator = val_evaluator
