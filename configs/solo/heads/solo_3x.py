_base_ = './solo_1x.py'

train_cfg = dict(max_epochs=36)
resize = [dict(type='RandomResize', scale=[(1333, 640), (1333, 800)], keep_ratio=True)]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
ablation = dict(change='36 epochs, multi-scale 640-800', published_ap=35.9, schedule='3x')
