_base_ = './base_1x.py'

model = dict(semantic_head=dict(loss_dice=dict(type='SmoothDiceLoss', activate=False, loss_weight=0.5)))
ablation = dict(change='dice of the semantic classes beside their cross-entropy', schedule='1x')
