_base_ = ['./seed_3x.py', '../../_base_/caffe_style.py']

model = dict(
    data_preprocessor=_base_.caffe_preprocessor,
    backbone=_base_.caffe_backbone,
    mask_head=dict(mask_supervision=dict(resize='logits')),
)
optim_wrapper = dict(paramwise_cfg=_base_.caffe_paramwise)
resize = [dict(type='RandomResize', scale=[(1333, 640), (1333, 800)], keep_ratio=True)]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
ablation = dict(
    change='random scale 640-800, caffe-style training, sigmoid after upsampling', published_ap=26.4, schedule='3x'
)
