# The embedded scenes: 8 classes of things, 320x256.
_base_ = [
    '../_base_/models/solo_effl0_fpn.py',
    '../_base_/datasets/scenes_instance.py',
    '../_base_/schedules/adamw_1000its.py',
    '../_base_/runtime_by_iteration.py',
]
