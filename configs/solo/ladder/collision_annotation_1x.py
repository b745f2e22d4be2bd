_base_ = './soloassign_1x.py'

model = dict(mask_head=dict(assigner=dict(collision='annotation')))
ablation = dict(change='a contested cell goes to the later annotation (mmdet)', published_ap=None, schedule='1x')
