# mmdet's Mask R-CNN with the backbone, pyramid and channels of solo_effl0_fpn.py, to compare. Anchors start at 16
# pixels and 128 boxes an image are sampled, for images of about 320 pixels. Group norm in the pyramid and in the mask
# head: the backbone's features have a standard deviation of about 8, on which heads without norm do not learn.
_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'

norm = dict(type='GN', num_groups=32)
model = dict(
    data_preprocessor=dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0]),
    backbone=dict(_delete_=True, type='EfficientNetLite', arch='lite0', frozen_stages=2, norm_eval=True),
    neck=dict(in_channels=[24, 40, 112, 320], out_channels=96, norm_cfg=norm),
    rpn_head=dict(in_channels=96, feat_channels=96, anchor_generator=dict(scales=[4])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=96),
        bbox_head=dict(in_channels=96, fc_out_channels=512),
        mask_roi_extractor=dict(out_channels=96),
        mask_head=dict(in_channels=96, conv_out_channels=96, norm_cfg=norm),
    ),
    train_cfg=dict(rcnn=dict(sampler=dict(num=128))),
)
