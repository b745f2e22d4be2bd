_base_ = './seed_1x.py'

train_cfg = dict(max_epochs=36)
ablation = dict(change='36 epochs', published_ap=26.4, schedule='3x')
