_base_ = ['./panoptic_solo_effl0_fpn.py', './short_training.py']

model = dict(
    _base_.short_training_model,
    semantic_head=dict(loss_dice=dict(type='SmoothDiceLoss', activate=False, loss_weight=0.5)),
)
