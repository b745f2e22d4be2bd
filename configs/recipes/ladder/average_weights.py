_base_ = './whole.py'

default_hooks = dict(average=dict(type='AverageWeightsHook'))
ablation = dict(change='averaged weights', schedule='1x')
