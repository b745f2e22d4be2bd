_base_ = './base_1x.py'

model = dict(semantic_head=dict(type='SharedTowerSemanticHead'))
ablation = dict(change='semantic branch on the mask tower, at 1/8, not on its own at 1/4', schedule='1x')
