_base_ = './seed_1x.py'

model = dict(mask_head=dict(mask_supervision=dict(resize='logits')))
ablation = dict(change='sigmoid after upsampling, not before', published_ap=None, schedule='1x')
