# solov2_effl0_fpn.py with a semantic branch on the same pyramid, and fusion.
_base_ = './solov2_effl0_fpn.py'

model = dict(
    type='PanopticSOLO',
    data_preprocessor=dict(pad_seg=True, seg_pad_value=255),
    semantic_head=dict(
        type='SemanticFPNHead',
        in_channels=96,
        channels=64,
        loss_semantic=dict(type='CrossEntropyLoss', loss_weight=1.0),
        loss_dice=dict(type='SmoothDiceLoss', activate=False, loss_weight=0.5),
    ),
    fusion_head=dict(
        type='PanopticSOLOFusionHead', score_thr=0.3, min_visible=0.5, min_thing_area=16, min_stuff_area=64
    ),
)
