# A short schedule for a CPU, counted in iterations; all else follows train_cfg.max_iters.
# Validation is at the end alone: mmengine validates there, whatever the interval.
train_cfg = dict(type='IterBasedTrainLoop', max_iters=1000, val_interval=10**9)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1.5e-3, weight_decay=0.01),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0, custom_keys=dict(backbone=dict(lr_mult=0.5))),
    clip_grad=dict(max_norm=10.0),
)
param_scheduler = [
    dict(type='WarmupLR', length=100, start_factor=0.05, by_epoch=False),
    dict(type='CosineDecayLR', warmup=100, eta_min_ratio=0.01, by_epoch=False),
]
auto_scale_lr = dict(base_batch_size=4)
