# The scenes with SOLOv2's head, which learns masks in a short training: one kernel a cell on features that all share,
# where SOLO teaches each cell a filter of its own. Group norm in the pyramid: the backbone's features have a standard
# deviation of about 8. Instances take the class that the semantic branch votes for, so that a low score is no obstacle.
_base_ = './panoptic_solo_effl0_scenes.py'

norm = dict(type='GN', num_groups=32)
model = dict(
    neck=dict(norm_cfg=norm),
    mask_head=dict(
        type='SparseSOLOV2Head',
        num_grids=[20, 16, 12, 10, 8],
        mask_feature_head=dict(
            feat_channels=64, start_level=0, end_level=3, out_channels=64, mask_stride=4, norm_cfg=norm
        ),
    ),
    fusion_head=dict(score_thr=0.2, min_vote=0.3),
)
