_base_ = './stuff_islands_1x.py'

model = dict(fusion_head=dict(stuff_instances=False))
ablation = dict(change='stuff of the map from the semantic branch alone', schedule='1x')
