# Small real data sets; PANSEG_DATA is the folder that holds them.
_base_ = './scenes_instance.py'

data_root = '{{$PANSEG_DATA:../shared/data}}/coco_mini/'
data_remedy = dict(
    folder=data_root, text='Set the environment variable PANSEG_DATA to the folder that holds the small real data sets.'
)
input_size = (320, 320)

train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomResize', scale=input_size, ratio_range=(0.8, 1.2), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='FixClassGT'),
    dict(type='PackPanopticInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=input_size, keep_ratio=True),
    dict(type='PackPanopticInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/instances_val.json')
test_evaluator = val_evaluator
