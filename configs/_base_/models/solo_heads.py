# The other heads of the family, for a config that lists this file after its parent and takes one of them as mask_head.
# Names of their own: mmengine lets no two parents set the same key.
decoupled_head = dict(type='SparseDecoupledSOLOHead', loss_mask=dict(activate=False))
decoupled_light_head = dict(type='SparseDecoupledSOLOLightHead', stacked_convs=4, loss_mask=dict(activate=False))
solov2_head = dict(
    type='SparseSOLOV2Head',
    feat_channels=512,
    stacked_convs=4,
    mask_feature_head=dict(
        feat_channels=128,
        start_level=0,
        end_level=3,
        out_channels=256,
        mask_stride=4,
        norm_cfg=dict(type='GN', num_groups=32, requires_grad=True),
    ),
)
