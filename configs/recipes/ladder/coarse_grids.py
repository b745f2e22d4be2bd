_base_ = './whole.py'

model = dict(mask_head=dict(num_grids=[20, 16, 12, 10, 8]))
ablation = dict(change='grids of 20, 16, 12, 10, 8 cells', schedule='1x')
