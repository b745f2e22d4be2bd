_base_ = ['./finetune_solo_r50.py', '../_base_/models/solo_heads.py']

load_from = (
    'https://download.openmmlab.com/mmdetection/v2.0/solov2/solov2_r50_fpn_3x_coco/'
    'solov2_r50_fpn_3x_coco_20220512_125856-fed092d4.pth'
)
model = dict(mask_head=_base_.solov2_head)
