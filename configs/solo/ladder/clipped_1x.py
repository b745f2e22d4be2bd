_base_ = './soloassign_1x.py'

model = dict(mask_head=dict(assigner=dict(clip=True)))
ablation = dict(change='positive cells clipped to 3x3 (paper)', published_ap=None, schedule='1x')
