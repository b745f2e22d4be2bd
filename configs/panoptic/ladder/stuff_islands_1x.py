_base_ = './base_1x.py'

split = [dict(type='SplitStuffIslands', as_instances=True)]
train_pipeline = [
    *_base_.load_image,
    *_base_.load_segments,
    *split,
    *_base_.resize,
    *_base_.flip,
    *_base_.targets,
    *_base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
ablation = dict(change='islands of stuff from 100 pixels are learnt as instances as well', schedule='1x')
