# The method's 1x schedule: SGD, 12 epochs, steps at 9 and 11, for 8 GPUs with 2 images each. The steps follow
# train_cfg.max_epochs.
_base_ = 'mmdet::_base_/schedules/schedule_1x.py'

optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=0.0001), clip_grad=dict(max_norm=35, norm_type=2)
)
param_scheduler = [
    dict(type='WarmupLR', length=500, start_factor=1.0 / 3, by_epoch=False),
    dict(type='StepDecayLR', milestones=[3 / 4, 15 / 16], gamma=0.1, by_epoch=True),
]
