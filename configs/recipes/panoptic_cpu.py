# Things and stuff of your own data on a CPU: images of 320 pixels, 1000 iterations of 4. `make demo` trains it on the
# embedded scenes.
_base_ = [
    '../_base_/models/panoptic_solov2_effl0_fpn.py',
    '../_base_/datasets/scenes_panoptic.py',
    '../_base_/schedules/adamw_recipes_1000its.py',
    '../_base_/runtime_by_iteration.py',
]
