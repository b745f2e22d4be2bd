_base_ = './base_1x.py'

model = dict(fusion_head=dict(min_stuff_area=16384))
ablation = dict(change='stuff from four times the area', schedule='1x')
