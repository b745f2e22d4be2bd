_base_ = './ml_mass_3x_ms.py'

model = dict(mask_head=dict(assigner=dict(grid='padded')))
ablation = dict(change='class targets assigned after padding (soloassign)', published_ap=33.8, schedule='3x')
