_base_ = './base_1x.py'

model = dict(fusion_head=dict(min_visible=0.7))
ablation = dict(change='instances that better ones leave 70 % of, not 50 %', schedule='1x')
