_base_ = ['./solo_3x.py', '../../_base_/models/solo_heads.py']

model = dict(mask_head=_base_.decoupled_light_head)
ablation = dict(change='such products of one tower of 4 convolutions', published_ap=None, schedule='3x')
