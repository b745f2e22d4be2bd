# 367 street frames: car, pedestrian and bicyclist as things (components of the label maps), 8 classes of stuff.
_base_ = [
    '../_base_/models/panoptic_solov2_effl0_fpn.py',
    '../_base_/datasets/camvid_panoptic.py',
    '../_base_/schedules/adamw_recipes_1000its.py',
    '../_base_/runtime_by_iteration.py',
]

# Most things are small and uncertain: a segment pays from about half its class's PQ.
model = dict(fusion_head=dict(score_thr=0.2))
