_base_ = './ml_mass_1x.py'

model = dict(mask_head=dict(assigner=dict(grid='padded')))
ablation = dict(change='class targets assigned after padding (soloassign)', published_ap=31.0, schedule='1x')
