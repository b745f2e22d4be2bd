_base_ = './soloassign_1x.py'

model = dict(test_cfg=dict(suppression=dict(_delete_=True, type='MatrixNMS', kernel='gaussian', sigma=2.0)))
ablation = dict(change='matrix NMS in place of greedy mask NMS (paper)', published_ap=None, schedule='1x')
