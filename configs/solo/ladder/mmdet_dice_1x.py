_base_ = './soloassign_1x.py'

model = dict(mask_head=dict(loss_mask=dict(_delete_=True, type='DiceLoss', use_sigmoid=True, loss_weight=3.0)))
ablation = dict(change="dice smoothed by 1e-3 on each term, not by 1 (mmdet's loss)", published_ap=None, schedule='1x')
