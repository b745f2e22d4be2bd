# 499 photographs with one annotated person each, who often fills the image.
_base_ = [
    '../_base_/models/solov2_effl0_fpn.py',
    '../_base_/datasets/person_mini_instance.py',
    '../_base_/schedules/adamw_recipes_1000its.py',
    '../_base_/runtime_by_iteration.py',
]

model = dict(
    mask_head=dict(
        num_grids=[20, 16, 12, 10, 8],
        scale_ranges=((1, 72), (56, 144), (112, 208), (176, 256), (224, 2048)),
    )
)
