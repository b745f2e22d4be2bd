_base_ = './seed_1x.py'

model = dict(mask_head=dict(normalizer=dict(mask='positives')))
targets = [dict(type='FixClassGT', boxes='mask')]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *_base_.resize, *_base_.flip, *targets, *_base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
ablation = dict(
    change='dice summed over instances, divided by all positives; boxes of the masks as augmented (fixgt v2)',
    published_ap=25.0,
    schedule='1x',
)
