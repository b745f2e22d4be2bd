_base_ = './whole.py'

mosaic = [dict(type='PanopticMosaic', img_scale=(320, 256), prob=0.5)]
loading = [*_base_.load_image, *_base_.load_instances]
images = dict(_base_.train_dataloader.dataset, pipeline=loading)
train_pipeline = [*mosaic, *_base_.resize, *_base_.flip, *_base_.targets, *_base_.pack]
mixed = dict(_delete_=True, type='MultiImageMixDataset', dataset=images, pipeline=train_pipeline)
train_dataloader = dict(dataset=mixed)
ablation = dict(change='half of the images are mosaics of four', schedule='1x')
