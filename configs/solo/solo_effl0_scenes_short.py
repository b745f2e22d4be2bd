# The scenes' SOLO for trainings that are even shorter, such as those of the ladders. Each cell has a mask filter of its
# own: fewer cells have more objects each, and a higher rate teaches them sooner. Group norm in the pyramid, as the
# backbone's features have a standard deviation of about 8.
_base_ = './solo_effl0_scenes.py'

model = dict(
    neck=dict(norm_cfg=dict(type='GN', num_groups=32)),
    mask_head=dict(num_grids=[16, 12, 10, 8, 6]),
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(conv_mask_list=dict(lr_mult=20.0))))
