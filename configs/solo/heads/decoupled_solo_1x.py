_base_ = ['./solo_1x.py', '../../_base_/models/solo_heads.py']

model = dict(mask_head=_base_.decoupled_head)
ablation = dict(change='masks as products of a map of the column and one of the row', published_ap=33.9, schedule='1x')
