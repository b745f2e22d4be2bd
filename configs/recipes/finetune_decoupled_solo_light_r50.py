# Its checkpoint was trained with images of 512 pixels and scale ranges for them.
_base_ = ['./finetune_solo_r50.py', '../_base_/models/solo_heads.py']

load_from = (
    'https://download.openmmlab.com/mmdetection/v2.0/solo/decoupled_solo_light_r50_fpn_3x_coco/'
    'decoupled_solo_light_r50_fpn_3x_coco_20210906_142703-e70e226f.pth'
)
model = dict(
    mask_head=dict(_base_.decoupled_light_head, scale_ranges=((1, 64), (32, 128), (64, 256), (128, 512), (256, 2048)))
)
