# The same training with mmdet's own head, to compare; it makes its targets from full masks.
_base_ = './solo_effl0_person_mini.py'

train_pipeline = _base_.train_pipeline
train_pipeline[-2:] = [dict(type='FixClassGT', strides=None), dict(type='PackDetInputs')]

model = dict(mask_head=dict(type='SOLOHead'))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
