# Cityscapes with the panoptic files that cityscapesscripts' createPanopticImgs makes (see configs/panoptic/README.md).
# Its categories list stuff before things, and its JSON names images otherwise than they are on disk.
_base_ = './coco_panoptic.py'

data_root = 'data/cityscapes/'
image_name_sub = (r'^([a-z]+)(_.*)_gtFine(_leftImg8bit\.png)$', r'\1/\1\2\3')

resize = [dict(type='RandomResize', scale=[(2048, 800), (2048, 1024)], keep_ratio=True)]
test_resize = [dict(type='Resize', scale=(2048, 1024), keep_ratio=True)]
train_pipeline = [*_base_.load_image, *_base_.load_segments, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.load_segments, *_base_.test_pack]

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
val_evaluator = [_base_.iou_evaluator, _base_.pq_evaluator]
test_evaluator = val_evaluator
