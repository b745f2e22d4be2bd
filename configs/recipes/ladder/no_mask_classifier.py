_base_ = './whole.py'

model = dict(mask_head=dict(mask_classifier=None))
ablation = dict(change='scores and classes of the cells alone', schedule='1x')
