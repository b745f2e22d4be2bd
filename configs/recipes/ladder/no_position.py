_base_ = './whole.py'

model = dict(mask_head=dict(position=None))
ablation = dict(change='kernels know no position but absolute coordinates', schedule='1x')
