# SOLO with ResNet-50, a semantic branch on the same pyramid, and fusion; classes and thresholds are COCO's.
_base_ = './solo_r50_fpn.py'

model = dict(
    type='PanopticSOLO',
    data_preprocessor=dict(pad_seg=True, seg_pad_value=255),
    semantic_head=dict(
        type='SemanticFPNHead',
        in_channels=256,
        channels=128,
        loss_semantic=dict(type='CrossEntropyLoss', loss_weight=0.5),
    ),
    fusion_head=dict(
        type='PanopticSOLOFusionHead',
        score_thr=0.3,
        min_visible=0.5,
        min_stuff_area=4096,
    ),
)
