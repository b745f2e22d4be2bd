_base_ = './base_1x.py'

model = dict(fusion_head=dict(min_stuff_area=1024))
ablation = dict(change='stuff from a quarter of the area', schedule='1x')
