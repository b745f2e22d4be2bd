_base_ = './base_1x.py'

model = dict(fusion_head=dict(min_vote=0.3))
ablation = dict(change='class of an instance by the vote of the semantic branch from 30 % of its mask', schedule='1x')
