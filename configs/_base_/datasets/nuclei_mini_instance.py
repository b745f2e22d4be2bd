_base_ = './coco_mini_instance.py'

data_root = '{{$PANSEG_DATA:../shared/data}}/nuclei_mini/'
data_remedy = dict(folder=data_root)

# Nuclei have a dozen pixels: twice the size is what a grid needs.
resize = [dict(type='RandomResize', scale=(512, 512), ratio_range=(0.8, 1.2), keep_ratio=True)]
test_resize = [dict(type='Resize', scale=(512, 512), keep_ratio=True)]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.test_pack]

train_dataloader = dict(dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
