# Read as: masks stay as fine as the finest level's logits, without the upsampling by 2.
_base_ = './seed_3x.py'

model = dict(mask_head=dict(mask_supervision=dict(stride=8)))
ablation = dict(change='same-scale mask loss, at 1/8', published_ap=26.5, schedule='3x')
