_base_ = './base_1x.py'

model = dict(fusion_head=dict(score_thr=0.2))
ablation = dict(change='instances from score .2, not .3', schedule='1x')
