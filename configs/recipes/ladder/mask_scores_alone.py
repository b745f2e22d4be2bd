_base_ = './whole.py'

model = dict(mask_head=dict(mask_classifier=dict(share=1.0)))
ablation = dict(change='scores of the masks alone, candidates by their cells', schedule='1x')
