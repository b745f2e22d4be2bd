# The other heads of the family, for a config that lists this file after its parent and takes one of them as mask_head.
# Names of their own: mmengine lets no two parents set the same key.
decoupled_head = dict(type='SparseDecoupledSOLOHead')
decoupled_light_head = dict(type='SparseDecoupledSOLOLightHead', stacked_convs=4)
solov2_head = dict(type='SparseSOLOV2Head', feat_channels=512, stacked_convs=4)
