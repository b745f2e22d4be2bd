_base_ = './seed_1x.py'

model = dict(neck=dict(type='ConvolvedFPN'))
ablation = dict(change='convolution + ReLU on top of the FPN', published_ap=24.3, schedule='1x')
