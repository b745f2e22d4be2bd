_base_ = './soloassign_1x.py'

model = dict(mask_head=dict(normalizer=dict(cls='positives+1')))
ablation = dict(change='class loss divided by positives + 1, not + images (mmdet)', published_ap=None, schedule='1x')
