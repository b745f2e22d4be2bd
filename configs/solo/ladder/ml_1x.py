_base_ = './fixgt_v2_1x.py'

model = dict(mask_head=dict(mask_supervision=dict(_delete_=True, type='PerLevelSupervision', resize='probabilities')))
ablation = dict(change='mask loss of each level at half its own stride (ml)', published_ap=29.5, schedule='1x')
