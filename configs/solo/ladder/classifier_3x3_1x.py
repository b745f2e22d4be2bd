_base_ = './soloassign_1x.py'

model = dict(mask_head=dict(classifier=dict(kernel_size=3)))
ablation = dict(change='3x3 class convolution (paper)', published_ap=None, schedule='1x')
