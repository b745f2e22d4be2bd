# Cityscapes with the panoptic files that cityscapesscripts' createPanopticImgs makes (see configs/panoptic/README.md).
# Its categories list stuff before things, and its JSON names images otherwise than they are on disk.
_base_ = './coco_panoptic.py'

data_root = 'data/cityscapes/'
image_name_sub = (r'^([a-z]+)(_.*)_gtFine(_leftImg8bit\.png)$', r'\1/\1\2\3')

train_pipeline = _base_.train_pipeline
train_pipeline[2] = dict(type='RandomResize', scale=[(2048, 800), (2048, 1024)], keep_ratio=True)
test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = (2048, 1024)

train_dataloader = dict(
    batch_size=1,
    dataset=dict(
        data_root=data_root,
        ann_file='gtFine/cityscapes_panoptic_train.json',
        data_prefix=dict(img='leftImg8bit/train/', seg='gtFine/cityscapes_panoptic_train/'),
        image_name_sub=image_name_sub,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='gtFine/cityscapes_panoptic_val.json',
        data_prefix=dict(img='leftImg8bit/val/', seg='gtFine/cityscapes_panoptic_val/'),
        image_name_sub=image_name_sub,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
# Image ids of the panoptic files are texts, those of instance files numbers, so there is no table of AP.
val_evaluator = [dict(type='SemanticIoUMetric'), dict(type='PanopticQualityMetric')]
test_evaluator = val_evaluator
