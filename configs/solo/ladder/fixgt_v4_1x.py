_base_ = './fixgt_v2_1x.py'

model = dict(mask_head=dict(assigner=dict(center='mass')))
ablation = dict(change='centre of mass (fixgt v4)', published_ap=25.8, schedule='1x')
