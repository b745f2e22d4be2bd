# The recipe as a whole, on the embedded scenes.
_base_ = '../instance_cpu.py'

ablation = dict(
    change='the recipe',
    schedule='1x',
    metrics={'AP': 'coco/segm_mAP', 'AP50': 'coco/segm_mAP_50', 'AP75': 'coco/segm_mAP_75'},
)
