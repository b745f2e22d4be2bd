_base_ = './seed_1x.py'

model = dict(mask_head=dict(mask_supervision=dict(stride=2)))
targets = [dict(type='FixClassGT', strides=[2], boxes='annotation')]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *_base_.resize, *_base_.flip, *targets, *_base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
ablation = dict(change='mask loss at 1/2', published_ap=24.4, schedule='1x')
