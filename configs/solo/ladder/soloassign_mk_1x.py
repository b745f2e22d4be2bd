_base_ = './soloassign_1x.py'

model = dict(mask_head=dict(assigner=dict(type='MaskCellAssigner', coverage=0.5)))
ablation = dict(
    change='wider positive cells, from the down-sampled mask (soloassign_mk)', published_ap=29.3, schedule='1x'
)
