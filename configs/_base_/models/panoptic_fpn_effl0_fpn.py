# mmdet's PanopticFPN with the backbone, pyramid and channels of panoptic_solo_effl0_fpn.py, to compare. Anchors start
# at 16 pixels and 128 boxes an image are sampled, for images of about 320 pixels. Group norm in the pyramid and in the
# mask head: the backbone's features have a standard deviation of about 8, on which heads without norm do not learn.
_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'

norm = dict(type='GN', num_groups=32)
model = dict(
    type='PanopticFPN',
    data_preprocessor=dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0], pad_seg=True, seg_pad_value=255),
    backbone=dict(_delete_=True, type='EfficientNetLite', arch='lite0', frozen_stages=2, norm_eval=True),
    neck=dict(in_channels=[24, 40, 112, 320], out_channels=96, norm_cfg=norm),
    rpn_head=dict(in_channels=96, feat_channels=96, anchor_generator=dict(scales=[4])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=96),
        bbox_head=dict(in_channels=96, fc_out_channels=512),
        mask_roi_extractor=dict(out_channels=96),
        mask_head=dict(in_channels=96, conv_out_channels=96, norm_cfg=norm),
    ),
    semantic_head=dict(
        type='PanopticFPNHead',
        in_channels=96,
        inner_channels=64,
        start_level=0,
        end_level=4,
        norm_cfg=norm,
        loss_seg=dict(type='CrossEntropyLoss', ignore_index=255, loss_weight=1.0),
    ),
    panoptic_fusion_head=dict(type='HeuristicFusionHead'),
    train_cfg=dict(rcnn=dict(sampler=dict(num=128))),
    # PanopticFPN's own threshold of .6 is for long trainings.
    test_cfg=dict(rcnn=dict(score_thr=0.3), panoptic=dict(mask_overlap=0.5, stuff_area_limit=64)),
)
