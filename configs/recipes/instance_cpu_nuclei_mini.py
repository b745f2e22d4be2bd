# 160 microscopy images with many small touching nuclei, at twice their size. An image has dozens of them, so that 2
# images are a batch.
_base_ = [
    '../_base_/models/solov2_effl0_fpn.py',
    '../_base_/datasets/nuclei_mini_instance.py',
    '../_base_/schedules/adamw_recipes_1000its.py',
    '../_base_/runtime_by_iteration.py',
]

model = dict(
    mask_head=dict(
        num_grids=[64, 48, 36, 24, 16],
        scale_ranges=((1, 32), (20, 48), (36, 72), (56, 112), (88, 2048)),
    ),
    test_cfg=dict(nms_pre=1000, max_per_img=200, max_cells=1000),
)

train_dataloader = dict(batch_size=2)
train_cfg = dict(max_iters=800)
