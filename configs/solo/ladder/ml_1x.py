_base_ = './fixgt_v2_1x.py'

model = dict(mask_head=dict(mask_supervision=dict(_delete_=True, type='PerLevelSupervision', resize='probabilities')))
targets = [dict(type='FixClassGT', strides=[4, 8, 16], boxes='mask')]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *_base_.resize, *_base_.flip, *targets, *_base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
ablation = dict(change='mask loss of each level at half its own stride (ml)', published_ap=29.5, schedule='1x')
