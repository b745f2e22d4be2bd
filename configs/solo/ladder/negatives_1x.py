_base_ = './soloassign_1x.py'

model = dict(mask_head=dict(negatives=dict(type='RandomNegativeCells', ratio=1.0)))
ablation = dict(change='1:1 negative masks', published_ap=30.7, schedule='1x')
