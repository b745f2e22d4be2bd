_base_ = ['./finetune_solo_r50.py', '../_base_/models/solo_heads.py']

load_from = (
    'https://download.openmmlab.com/mmdetection/v2.0/solo/decoupled_solo_r50_fpn_3x_coco/'
    'decoupled_solo_r50_fpn_3x_coco_20210821_042504-7b3301ec.pth'
)
model = dict(mask_head=_base_.decoupled_head)
