_base_ = './base_1x.py'

model = dict(mask_head=dict(num_classes=133))
train_pipeline = _base_.train_pipeline
train_pipeline.insert(2, dict(type='SplitStuffIslands', as_instances=True))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
ablation = dict(change='islands of stuff from 100 pixels are learnt as instances as well', schedule='1x')
