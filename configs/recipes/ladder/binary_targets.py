_base_ = './whole.py'

model = dict(mask_head=dict(mask_supervision=dict(_delete_=True, type='CommonStrideSupervision', resize='logits')))
ablation = dict(change='binary targets at 1/4', schedule='1x')
