_base_ = ['./solo_3x.py', '../../_base_/models/solo_heads.py']

model = dict(mask_head=_base_.solov2_head)
ablation = dict(change='dynamic kernels on shared mask features', published_ap=37.5, schedule='3x')
