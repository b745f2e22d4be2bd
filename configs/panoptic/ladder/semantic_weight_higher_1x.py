_base_ = './base_1x.py'

model = dict(semantic_head=dict(loss_semantic=dict(loss_weight=1.0)))
ablation = dict(change='twice the weight of the semantic loss', schedule='1x')
