_base_ = 'mmdet::_base_/default_runtime.py'

custom_imports = dict(imports=['mmdet_panseg'], allow_failed_imports=False)

default_hooks = dict(
    checkpoint=dict(type='AtomicCheckpointHook', interval=1, max_keep_ckpts=2),
    logger=dict(type='LoggerHook', interval=50),
)
custom_hooks = [
    dict(type='NonFiniteLossHook'),
    dict(type='CheckpointMatchHook'),
    dict(type='ClassCountHook'),
    dict(type='SkippedSamplesHook'),
]
