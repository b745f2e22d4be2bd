_base_ = './base_1x.py'

model = dict(fusion_head=dict(score_thr=0.4))
ablation = dict(change='instances from score .4, not .3', schedule='1x')
