# Changes of solo_effl0_fpn.py, and of what inherits it, for a config that lists this file after its parent.
norm = dict(type='GN', num_groups=32)

# What learns most in a short training on a CPU: SOLOv2's head with kernels that know where their cell is, scores that
# know the whole mask, and borders learnt as covered fractions. Group norm in the pyramid: the backbone's features have
# a standard deviation of about 8. Scale ranges and grids are for images of about 320 pixels.
short_training_model = dict(
    neck=dict(norm_cfg=norm),
    mask_head=dict(
        type='SparseSOLOV2Head',
        num_grids=[32, 24, 16, 12, 8],
        mask_feature_head=dict(
            feat_channels=64, start_level=0, end_level=3, out_channels=64, mask_stride=4, norm_cfg=norm
        ),
        position=dict(type='EllipsePosition'),
        mask_classifier=dict(type='MaskPooledClassifier'),
        mask_supervision=dict(type='FractionSupervision'),
        loss_mask=dict(_delete_=True, type='DiceBCELoss'),
    ),
    test_cfg=dict(score_thr=0.05, max_cells=300),
)
