_base_ = './seed_1x.py'

train_cfg = dict(max_epochs=36)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=36, milestones=[27, 33])
ablation = dict(change='36 epochs', published_ap=26.4, schedule='3x')
