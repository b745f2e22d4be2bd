# 160 microscopy images with many small touching nuclei, at twice their size.
_base_ = [
    '../_base_/models/solo_effl0_fpn.py',
    '../_base_/datasets/nuclei_mini_instance.py',
    '../_base_/schedules/adamw_1000its.py',
    '../_base_/runtime_by_iteration.py',
]

model = dict(
    mask_head=dict(
        scale_ranges=((1, 32), (20, 48), (36, 72), (56, 112), (88, 2048)),
        num_grids=[48, 36, 24, 16, 12],
    ),
    test_cfg=dict(nms_pre=1000, max_per_img=200),
)

# Batches of 2 make 1200 iterations in the time of 600 of 4; an image has dozens of nuclei.
train_dataloader = dict(batch_size=2)
train_cfg = dict(max_iters=1200)
