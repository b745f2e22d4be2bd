_base_ = './seed_1x.py'

model = dict(mask_head=dict(loss_cls=dict(gamma=2.2, alpha=0.3)), test_cfg=dict(score_thr=0.05))
ablation = dict(
    change='focal loss with gamma 2.2 and alpha .3, score_thr .05',
    published_ap=None,
    published_note='no difference',
    schedule='1x',
)
