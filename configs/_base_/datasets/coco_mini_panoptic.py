# 217 COCO photographs, things only: what no thing covers is void. PANSEG_DATA is the folder that holds coco_mini.
_base_ = './scenes_panoptic.py'

data_root = '{{$PANSEG_DATA:../shared/data}}/coco_mini/'
data_remedy = dict(
    folder=data_root, text='Set the environment variable PANSEG_DATA to the folder that holds the small real data sets.'
)

resize = [dict(type='RandomResize', scale=(320, 320), ratio_range=(0.8, 1.2), keep_ratio=True)]
test_resize = [dict(type='Resize', scale=(320, 320), keep_ratio=True)]
train_pipeline = [*_base_.load_image, *_base_.load_segments, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.load_segments, *_base_.test_pack]

train_dataloader = dict(
    dataset=dict(data_root=data_root, data_prefix=dict(seg='panoptic_train/'), pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(data_root=data_root, data_prefix=dict(seg='panoptic_val/'), pipeline=test_pipeline))
test_dataloader = val_dataloader
ap_evaluator = dict(_base_.ap_evaluator, ann_file=data_root + 'annotations/instances_val.json')
val_evaluator = [ap_evaluator, _base_.iou_evaluator, _base_.pq_evaluator]
test_evaluator = val_evaluator
