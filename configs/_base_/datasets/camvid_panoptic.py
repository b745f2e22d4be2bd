# Street scenes; tools/dataset_tools/semantic_to_panoptic.py makes the folder (see configs/panoptic/README.md).
_base_ = './scenes_panoptic.py'

data_root = 'work_dirs/data/camvid/'
data_remedy = dict(
    folder=data_root,
    text='Make it of label maps: tools/dataset_tools/semantic_to_panoptic.py, see configs/panoptic/README.md.',
)

resize = [dict(type='RandomResize', scale=(320, 240), ratio_range=(0.8, 1.25), keep_ratio=True)]
test_resize = [dict(type='Resize', scale=(320, 240), keep_ratio=True)]
train_pipeline = [*_base_.load_image, *_base_.load_segments, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.load_segments, *_base_.test_pack]

train_dataloader = dict(dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
ap_evaluator = dict(_base_.ap_evaluator, ann_file=data_root + 'annotations/instances_val.json')
val_evaluator = [ap_evaluator, _base_.iou_evaluator, _base_.pq_evaluator]
test_evaluator = val_evaluator
