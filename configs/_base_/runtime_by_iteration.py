# For schedules that count iterations.
_base_ = './default_runtime.py'

default_hooks = dict(checkpoint=dict(by_epoch=False))
log_processor = dict(by_epoch=False)
