_base_ = './seed_1x.py'

model = dict(mask_head=dict(mask_supervision=dict(stride=2)))
ablation = dict(change='mask loss at 1/2', published_ap=24.4, schedule='1x')
