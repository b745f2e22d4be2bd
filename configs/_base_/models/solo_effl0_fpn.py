# A SOLO that trains on a CPU: EfficientNet-Lite0, 96 channels, towers of 3 convolutions. Scale ranges and grids are
# for images of about 320 pixels: each cell has a mask filter of its own, and a short training teaches few of them.
_base_ = './solo_r50_fpn.py'

model = dict(
    data_preprocessor=dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0]),
    backbone=dict(_delete_=True, type='EfficientNetLite', arch='lite0', frozen_stages=2, norm_eval=True),
    neck=dict(in_channels=[24, 40, 112, 320], out_channels=96),
    mask_head=dict(
        in_channels=96,
        feat_channels=96,
        stacked_convs=3,
        num_grids=[32, 24, 16, 12, 8],
        scale_ranges=((1, 32), (16, 64), (40, 96), (72, 144), (104, 2048)),
    ),
)
