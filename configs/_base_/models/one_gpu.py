# Changes of a recipe for a CPU where there is a GPU: a larger backbone, and grids and ranges for images of 640 pixels.
one_gpu_model = dict(
    backbone=dict(arch='lite2'),
    neck=dict(in_channels=[24, 48, 120, 352]),
    mask_head=dict(
        num_grids=[40, 36, 24, 16, 12],
        scale_ranges=((1, 64), (32, 128), (80, 192), (144, 288), (208, 2048)),
    ),
)
one_gpu_resize = [dict(type='RandomResize', scale=(640, 640), ratio_range=(0.8, 1.2), keep_ratio=True)]
one_gpu_test_resize = [dict(type='Resize', scale=(640, 640), keep_ratio=True)]
