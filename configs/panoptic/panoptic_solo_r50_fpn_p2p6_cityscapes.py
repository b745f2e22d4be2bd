# Cityscapes, 8 classes of things and 11 of stuff, ResNet-50, 8 GPUs with 1 image each, 64 epochs.
_base_ = [
    '../_base_/models/panoptic_solo_r50_fpn.py',
    '../_base_/datasets/cityscapes_panoptic.py',
    '../_base_/schedules/sgd_1x.py',
    '../_base_/default_runtime.py',
]

model = dict(num_things=8, num_stuff=11)

train_cfg = dict(max_epochs=64, val_interval=8)
optim_wrapper = dict(optimizer=dict(lr=0.005))
