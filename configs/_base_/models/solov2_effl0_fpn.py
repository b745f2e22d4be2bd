_base_ = ['./solo_effl0_fpn.py', './short_training.py']

model = _base_.short_training_model
