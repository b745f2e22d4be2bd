# Learns 40 photographs by heart, at twice their size, and is tested on the same ones: does the machinery learn?
_base_ = './solo_effl0_coco_mini.py'

input_size = (640, 640)

train_pipeline = _base_.train_pipeline
train_pipeline[2:4] = [dict(type='Resize', scale=input_size, keep_ratio=True)]
test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = input_size
# The annotation file has more images than the 40: the metric takes its ground truth from the samples.
test_pipeline[-1].meta_keys += ('instances',)

model = dict(
    mask_head=dict(
        num_grids=[40, 36, 24, 16, 12],
        scale_ranges=((1, 64), (32, 128), (64, 192), (128, 320), (224, 2048)),
    )
)

train_dataloader = dict(batch_size=2, dataset=dict(indices=40, pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='images/train/'),
        indices=40,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=None)
test_evaluator = val_evaluator

train_cfg = dict(max_iters=1200)
