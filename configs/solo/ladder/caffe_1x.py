_base_ = ['./seed_1x.py', '../../_base_/caffe_style.py']

model = dict(data_preprocessor=_base_.caffe_preprocessor, backbone=_base_.caffe_backbone)
optim_wrapper = dict(paramwise_cfg=_base_.caffe_paramwise)
ablation = dict(change='caffe-style training', published_ap=None, schedule='1x')
