_base_ = './seed_1x.py'

model = dict(mask_head=dict(normalizer=dict(mask='positives')))
train_pipeline = _base_.train_pipeline
train_pipeline[4].update(boxes='mask')
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
ablation = dict(
    change='dice summed over instances, divided by all positives; boxes of the masks as augmented (fixgt v2)',
    published_ap=25.0,
    schedule='1x',
)
