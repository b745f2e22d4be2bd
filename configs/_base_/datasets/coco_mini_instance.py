# Small real data sets; PANSEG_DATA is the folder that holds them.
_base_ = './scenes_instance.py'

data_root = '{{$PANSEG_DATA:../shared/data}}/coco_mini/'
data_remedy = dict(
    folder=data_root, text='Set the environment variable PANSEG_DATA to the folder that holds the small real data sets.'
)

resize = [dict(type='RandomResize', scale=(320, 320), ratio_range=(0.8, 1.2), keep_ratio=True)]
test_resize = [dict(type='Resize', scale=(320, 320), keep_ratio=True)]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.test_pack]
train_dataloader = dict(dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
