_base_ = './base_1x.py'

model = dict(semantic_head=dict(merge_things=True))
ablation = dict(change='one semantic channel for all things', schedule='1x')
