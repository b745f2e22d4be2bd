# Overfits 40 street frames at twice their size and is tested on the same ones. Things have at least 100
# pixels: semantic_to_panoptic.py --min-area 100 --small crowd makes the folder (see configs/panoptic/README.md).
_base_ = './panoptic_solo_effl0_camvid_mini.py'

data_root = 'work_dirs/data/camvid_100/'

resize = test_resize = [dict(type='Resize', scale=(640, 480), keep_ratio=True)]
train_pipeline = [*_base_.load_image, *_base_.load_segments, *resize, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.load_segments, *_base_.test_pack]

model = dict(
    mask_head=dict(
        num_grids=[40, 36, 24, 16, 12],
        scale_ranges=((1, 64), (32, 128), (64, 192), (128, 320), (224, 2048)),
    )
)

train_dataloader = dict(batch_size=2, dataset=dict(data_root=data_root, indices=40, pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/panoptic_train.json',
        data_prefix=dict(img='images/train/', seg='annotations/panoptic_train/'),
        indices=40,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
# The instances JSON has more images than the 40, so there is no table of AP.
val_evaluator = [_base_.iou_evaluator, _base_.pq_evaluator]
test_evaluator = val_evaluator
