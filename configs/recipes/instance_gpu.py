# Instances of your own data on one GPU: EfficientNet-Lite2, images of 640 pixels, 3000 iterations of 8. Train it with
# --amp.
_base_ = ['./instance_cpu.py', '../_base_/models/one_gpu.py']

model = _base_.one_gpu_model

resize, test_resize = _base_.one_gpu_resize, _base_.one_gpu_test_resize
train_pipeline = [*_base_.load_image, *_base_.load_instances, *resize, *_base_.flip, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.test_pack]
train_dataloader = dict(batch_size=8, num_workers=4, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(max_iters=3000)
