_base_ = './base_1x.py'

model = dict(fusion_head=dict(unclaimed='stuff'))
ablation = dict(change='semantic things without an instance become stuff, not void', schedule='1x')
