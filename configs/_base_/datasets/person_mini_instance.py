_base_ = './coco_mini_instance.py'

data_root = '{{$PANSEG_DATA:../shared/data}}/coco_person_mini/'
data_remedy = dict(folder=data_root)

train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
