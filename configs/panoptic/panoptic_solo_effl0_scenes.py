# The embedded scenes: 8 classes of things, 5 of stuff, 320x256.
_base_ = [
    '../_base_/models/panoptic_solo_effl0_fpn.py',
    '../_base_/datasets/scenes_panoptic.py',
    '../_base_/schedules/adamw_1000its.py',
    '../_base_/runtime_by_iteration.py',
]
