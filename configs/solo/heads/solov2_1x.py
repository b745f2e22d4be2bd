_base_ = ['./solo_1x.py', '../../_base_/models/solo_heads.py']

model = dict(mask_head=_base_.solov2_head)
targets = [dict(type='FixClassGT', strides=[4])]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *_base_.resize, *_base_.flip, *targets, *_base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
ablation = dict(change='dynamic kernels on shared mask features', published_ap=34.8, schedule='1x')
