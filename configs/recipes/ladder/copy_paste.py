_base_ = './whole.py'

paste = [dict(type='PanopticCopyPaste', max_num_pasted=10, flip_prob=0.5, prob=0.5)]
loading = [*_base_.load_image, *_base_.load_instances, *_base_.resize]
images = dict(_base_.train_dataloader.dataset, pipeline=loading)
train_pipeline = [*paste, *_base_.flip, *_base_.targets, *_base_.pack]
mixed = dict(_delete_=True, type='MultiImageMixDataset', dataset=images, pipeline=train_pipeline)
train_dataloader = dict(dataset=mixed)
ablation = dict(change='objects of another image are pasted into half of the images', schedule='1x')
