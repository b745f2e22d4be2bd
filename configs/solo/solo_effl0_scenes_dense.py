# The same training with mmdet's own head, to compare; it makes its targets from full masks.
_base_ = './solo_effl0_scenes.py'

targets = [dict(type='FixClassGT', strides=None)]
pack = [dict(type='PackDetInputs')]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *_base_.resize, *_base_.flip, *targets, *pack]

model = dict(mask_head=dict(type='SOLOHead'))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
