# 499 photographs with one annotated person each.
_base_ = [
    '../_base_/models/solo_effl0_fpn.py',
    '../_base_/datasets/person_mini_instance.py',
    '../_base_/schedules/adamw_800its.py',
    '../_base_/runtime_by_iteration.py',
]

model = dict(mask_head=dict(num_classes=1, scale_ranges=((1, 80), (56, 120), (88, 168), (136, 224), (184, 2048))))
