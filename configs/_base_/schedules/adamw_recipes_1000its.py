# The recipes learn photographs better at about half the rate that the scenes stand.
_base_ = './adamw_1000its.py'

optim_wrapper = dict(optimizer=dict(lr=8e-4))
