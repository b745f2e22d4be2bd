_base_ = './ml_1x.py'

model = dict(mask_head=dict(assigner=dict(center='mass')))
ablation = dict(change='centre of mass', published_ap=30.6, schedule='1x')
