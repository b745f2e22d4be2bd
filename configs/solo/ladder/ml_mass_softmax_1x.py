_base_ = './ml_mass_1x.py'

model = dict(mask_head=dict(loss_cls=dict(_delete_=True, type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0)))
ablation = dict(change='softmax cross-entropy classifier', published_ap=30.0, schedule='1x')
