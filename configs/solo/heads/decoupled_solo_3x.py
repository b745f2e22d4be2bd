_base_ = ['./solo_3x.py', '../../_base_/models/solo_heads.py']

model = dict(mask_head=_base_.decoupled_head)
ablation = dict(change='masks as products of a map of the column and one of the row', published_ap=36.7, schedule='3x')
