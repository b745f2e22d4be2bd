_base_ = './base_1x.py'

model = dict(fusion_head=dict(semantic_share=0.5))
ablation = dict(change='scores: geometric mean with the probability of the class inside the mask', schedule='1x')
