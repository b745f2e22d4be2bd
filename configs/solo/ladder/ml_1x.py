_base_ = './fixgt_v2_1x.py'

model = dict(mask_head=dict(mask_supervision=dict(_delete_=True, type='PerLevelSupervision', resize='probabilities')))
train_pipeline = _base_.train_pipeline
train_pipeline[4].update(strides=[4, 8, 16])
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
ablation = dict(change='mask loss of each level at half its own stride (ml)', published_ap=29.5, schedule='1x')
