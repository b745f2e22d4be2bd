_base_ = './base_1x.py'

model = dict(semantic_head=dict(loss_semantic=dict(loss_weight=0.25)))
ablation = dict(change='half the weight of the semantic loss', schedule='1x')
