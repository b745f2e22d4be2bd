_base_ = './soloassign_1x.py'

model = dict(mask_head=dict(mask_upsample='before'))
ablation = dict(
    change='features upsampled before the mask tower',
    published_ap=None,
    published_note='better',
    schedule='1x',
)
