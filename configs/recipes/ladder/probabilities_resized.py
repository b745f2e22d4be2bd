_base_ = './whole.py'

model = dict(test_cfg=dict(resize='probabilities'))
ablation = dict(change='probabilities are enlarged to the image, not logits', schedule='1x')
