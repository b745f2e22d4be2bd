_base_ = ['./solo_1x.py', '../../_base_/models/solo_heads.py']

model = dict(mask_head=_base_.solov2_head)
train_pipeline = _base_.train_pipeline
train_pipeline[4].update(strides=[4])
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
ablation = dict(change='dynamic kernels on shared mask features', published_ap=34.8, schedule='1x')
