_base_ = './whole.py'

model = dict(mask_head=dict(loss_mask=dict(bce_weight=0.0)))
ablation = dict(change='dice alone, without cross-entropy', schedule='1x')
