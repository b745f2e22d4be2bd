# mmdet's PanopticFPN on mask_rcnn_effl0_fpn.py, to compare with panoptic_solo_effl0_fpn.py.
_base_ = './mask_rcnn_effl0_fpn.py'

model = dict(
    type='PanopticFPN',
    data_preprocessor=dict(pad_seg=True, seg_pad_value=255),
    semantic_head=dict(
        type='PanopticFPNHead',
        in_channels=96,
        inner_channels=64,
        start_level=0,
        end_level=4,
        norm_cfg=_base_.norm,
        loss_seg=dict(type='CrossEntropyLoss', ignore_index=255, loss_weight=1.0),
    ),
    panoptic_fusion_head=dict(type='HeuristicFusionHead'),
    # PanopticFPN's own threshold of .6 is for long trainings.
    test_cfg=dict(rcnn=dict(score_thr=0.3), panoptic=dict(mask_overlap=0.5, stuff_area_limit=64)),
)
