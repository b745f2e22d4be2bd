_base_ = './seed_1x.py'

model = dict(mask_head=dict(mask_supervision=dict(stride=2)))
train_pipeline = _base_.train_pipeline
train_pipeline[4].update(strides=[2])
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
ablation = dict(change='mask loss at 1/2', published_ap=24.4, schedule='1x')
