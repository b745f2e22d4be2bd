# Caffe-style training, for a rung that lists this file after its parent: BGR images with standard deviation 1, and
# biases that learn twice as fast and do not decay. Names of its own: mmengine lets no two parents set the same key.
caffe_preprocessor = dict(mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0], bgr_to_rgb=False)
caffe_backbone = dict(
    norm_cfg=dict(type='BN', requires_grad=False),
    norm_eval=True,
    style='caffe',
    init_cfg=dict(checkpoint='open-mmlab://detectron2/resnet50_caffe'),
)
caffe_paramwise = dict(bias_lr_mult=2.0, bias_decay_mult=0.0)
