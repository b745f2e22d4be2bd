# Where the ladder starts: the method as its author first ran it.
_base_ = '../solo_r50_fpn_p2p6_1x_coco.py'

model = dict(
    mask_head=dict(
        assigner=dict(type='SOLOGridAssigner', center='box', clip=False, collision='area', grid='unpadded'),
        mask_supervision=dict(type='CommonStrideSupervision', stride=4, resize='probabilities'),
        classifier=dict(type='SharedCellClassifier', kernel_size=1),
        normalizer=dict(type='LossNormalizer', cls='positives+images', mask='image'),
        loss_mask=dict(_delete_=True, type='SmoothDiceLoss', smooth=1.0, loss_weight=3.0),
    ),
    test_cfg=dict(suppression=dict(type='GreedyMaskNMS', iou_threshold=0.5)),
)
targets = [dict(type='FixClassGT', boxes='annotation')]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *_base_.resize, *_base_.flip, *targets, *_base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
ablation = dict(
    change='the start: mask loss at 1/4 on every level, dice averaged per image, box centres, greedy mask NMS',
    published_ap=24.5,
    schedule='1x',
    scenes='../solo_effl0_scenes_short.py',
)
