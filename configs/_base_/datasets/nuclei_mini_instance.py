_base_ = './coco_mini_instance.py'

data_root = '{{$PANSEG_DATA:../shared/data}}/nuclei_mini/'
data_remedy = dict(folder=data_root)

# Nuclei have a dozen pixels: twice the size is what a grid needs.
train_pipeline = _base_.train_pipeline
train_pipeline[2].scale = (512, 512)
test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = (512, 512)

train_dataloader = dict(dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/instances_val.json')
test_evaluator = val_evaluator
