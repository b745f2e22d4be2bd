_base_ = '../solo_r50_fpn_p2p6_1x_coco.py'

ablation = dict(change='vanilla SOLO', published_ap=33.1, schedule='1x', scenes='../solo_effl0_scenes_short.py')
