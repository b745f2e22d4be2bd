_base_ = './base_1x.py'

model = dict(fusion_head=dict(min_visible=0.3))
ablation = dict(change='instances that better ones leave 30 % of, not 50 %', schedule='1x')
