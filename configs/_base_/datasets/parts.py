# Parts of pipelines and evaluators, by name. A data set puts them together; a config that changes one gives the list
# anew, with its own part among those of _base_. Parts of pipelines are lists, since mmengine replaces a parent's list
# and would merge a parent's dict.
load_image = [dict(type='panseg.LoadImageFromFile')]
load_instances = [dict(type='LoadBoxedAnnotations')]
load_segments = [dict(type='LoadPanopticSegments')]
flip = [dict(type='RandomFlip', prob=0.5)]
targets = [dict(type='FixClassGT')]
pack = [dict(type='PackPanopticInputs')]
meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')
test_pack = [dict(type='PackPanopticInputs', meta_keys=meta_keys)]

iou_evaluator = dict(type='SemanticIoUMetric')
pq_evaluator = dict(type='PanopticQualityMetric')
