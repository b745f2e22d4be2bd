# Where the ladder starts: thresholds, losses and a separate semantic branch as in the config above.
_base_ = '../panoptic_solo_r50_fpn_p2p6_1x_coco.py'

ablation = dict(
    change='the start: separate semantic branch with loss weight .5, score_thr .3, min_visible .5, min_stuff_area 4096',
    schedule='1x',
    scenes='../panoptic_solo_effl0_scenes.py',
    metrics={
        'PQ': 'coco_panoptic/PQ',
        'PQ things': 'coco_panoptic/PQ_th',
        'PQ stuff': 'coco_panoptic/PQ_st',
        'mIoU': 'semantic/mIoU',
        'mask AP': 'coco/segm_mAP',
    },
)
