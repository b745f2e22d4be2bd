_base_ = ['./solo_1x.py', '../../_base_/models/solo_heads.py']

model = dict(mask_head=_base_.solov2_head)
ablation = dict(change='dynamic kernels on shared mask features', published_ap=34.8, schedule='1x')
