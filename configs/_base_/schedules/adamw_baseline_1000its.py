# For mmdet's two-stage models: their fully connected layers have no norm and do not stand the rate of the others.
_base_ = './adamw_1000its.py'

optim_wrapper = dict(optimizer=dict(lr=5e-4))
