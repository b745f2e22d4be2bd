# The same training with mmdet's own head, to compare; it makes its targets from full masks.
_base_ = './solo_effl0_person_mini.py'

model = dict(mask_head=dict(type='SOLOHead'))
