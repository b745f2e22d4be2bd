# The method's 3x schedule: 36 epochs, steps at 27 and 33.
_base_ = './sgd_1x.py'

train_cfg = dict(max_epochs=36)
