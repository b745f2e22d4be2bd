_base_ = './base_1x.py'

model = dict(fusion_head=dict(min_agreement=0.5))
ablation = dict(change='instances whose class the semantic branch has on half of them', schedule='1x')
