_base_ = 'mmdet::_base_/default_runtime.py'

custom_imports = dict(imports=['mmdet_panseg'], allow_failed_imports=False)

# Their intervals follow from the length of the training.
default_hooks = dict(
    checkpoint=dict(_delete_=True, type='AtomicCheckpointHook', max_keep_ckpts=2),
    logger=dict(_delete_=True, type='TrainingLoggerHook'),
    visualization=dict(type='PanopticVisualizationHook'),
)
visualizer = dict(type='PanopticLocalVisualizer')
custom_hooks = [
    dict(type='NonFiniteLossHook'),
    dict(type='CheckpointMatchHook'),
    dict(type='ClassCountHook'),
    dict(type='EvaluationDataHook'),
    dict(type='SkippedSamplesHook'),
    dict(type='ScaleRangesHook'),
]
