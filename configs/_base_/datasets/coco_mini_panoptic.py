# 217 COCO photographs, things only: what no thing covers is void. PANSEG_DATA is the folder that holds coco_mini.
_base_ = './scenes_panoptic.py'

data_root = '{{$PANSEG_DATA:../shared/data}}/coco_mini/'
data_remedy = dict(
    folder=data_root, text='Set the environment variable PANSEG_DATA to the folder that holds the small real data sets.'
)
input_size = (320, 320)

train_pipeline = _base_.train_pipeline
train_pipeline[2] = dict(type='RandomResize', scale=input_size, ratio_range=(0.8, 1.2), keep_ratio=True)
test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = input_size

train_dataloader = dict(
    dataset=dict(data_root=data_root, data_prefix=dict(seg='panoptic_train/'), pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(data_root=data_root, data_prefix=dict(seg='panoptic_val/'), pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = _base_.val_evaluator
val_evaluator[0].ann_file = data_root + 'annotations/instances_val.json'
test_evaluator = val_evaluator
