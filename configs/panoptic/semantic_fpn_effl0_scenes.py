# The semantic branch alone, to compare.
_base_ = './panoptic_solo_effl0_scenes.py'

model = dict(mask_head=None, fusion_head=None)
val_evaluator = [_base_.iou_evaluator]
test_evaluator = val_evaluator
