from __future__ import annotations

import copy

import numpy as np
import pytest
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdet_panseg.engine.errors import ConfigError
from mmdet_panseg.engine.test_time_augmentation import augmented_pipeline, use_test_time_augmentation
from repository import REPOSITORY

MASKS = dict(type='SOLO', mask_head=dict(type='SOLOHead'))
LOAD = dict(type='panseg.LoadImageFromFile')
RESIZE = dict(type='Resize', scale=(120, 80), keep_ratio=True)
PACK = dict(type='PackPanopticInputs', meta_keys=('img_id', 'ori_shape', 'img_shape', 'scale_factor'))
TEST = [LOAD, RESIZE, dict(type='LoadPanopticSegments'), PACK]


def config_of(model, **settings):
    data = dict(type='Wrapped', dataset=dict(type='Data', pipeline=copy.deepcopy(TEST)))
    return Config(dict(model=model, test_dataloader=dict(dataset=data), **settings))


def test_views_are_made_by_the_resize_and_by_mirroring():
    load, augment = augmented_pipeline(TEST, (0.5, 1.2))
    assert load == LOAD and augment['type'] == 'TestTimeAug'
    sizes, flips, segments, pack = augment['transforms']
    assert [size['scale'] for size in sizes] == [(60, 40), (144, 96)] and all(size['keep_ratio'] for size in sizes)
    assert [flip['prob'] for flip in flips] == [0, 1]
    assert segments == [TEST[2]] and pack[0]['meta_keys'] == (*PACK['meta_keys'], 'flip', 'flip_direction')
    assert TEST[1] == RESIZE and PACK['meta_keys'][-1] == 'scale_factor'


@pytest.mark.parametrize(
    ('resize', 'expected'),
    [
        (dict(type='Resize', scale=100), dict(type='Resize', scale=(50, 50))),
        (dict(type='Resize', scale_factor=2.0), dict(type='Resize', scale_factor=1.0)),
        (dict(type='Resize', scale_factor=(2.0, 1.0)), dict(type='Resize', scale_factor=(1.0, 0.5))),
        (dict(type='FixScaleResize', scale=(3, 1)), dict(type='FixScaleResize', scale=(2, 1))),
    ],
)
def test_sizes_of_every_kind(resize, expected):
    _, augment = augmented_pipeline([LOAD, resize, PACK], (0.5,))
    assert augment['transforms'][0] == [expected]


def test_images_that_keep_their_size_are_mirrored():
    pipeline = [LOAD, PACK]
    assert [step[0]['type'] for step in augmented_pipeline(pipeline, (1.0,))[1]['transforms']] == [
        'RandomFlip',
        'PackPanopticInputs',
    ]
    with pytest.raises(ConfigError, match='--tta-scales: test_pipeline has no Resize'):
        augmented_pipeline(pipeline, (1.0, 0.8))


def test_the_views_are_those_of_the_image(tmp_path):
    import mmcv

    init_default_scope('mmdet')
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    mmcv.imwrite(image, str(tmp_path / 'image.png'))
    pipeline = Compose(augmented_pipeline([LOAD, RESIZE, PACK], (1.0, 0.5)))
    packed = pipeline(dict(img_path=str(tmp_path / 'image.png'), img_id=3))
    images, samples = packed['inputs'], packed['data_samples']
    assert [tuple(view.shape[1:]) for view in images] == [(80, 120), (80, 120), (40, 60), (40, 60)]
    assert [sample.flip for sample in samples] == [False, True, False, True]
    assert all(sample.ori_shape == (40, 60) and sample.img_id == 3 for sample in samples)
    assert (images[2].numpy().transpose(1, 2, 0) == image).all()
    assert (images[1] == images[0].flip(-1)).all() and (images[3] == images[2].flip(-1)).all()


def test_the_default_merges_masks():
    config = config_of(MASKS)
    use_test_time_augmentation(config)
    assert config.model == dict(type='PanopticTTAModel', module=MASKS)
    assert config.test_dataloader.dataset.dataset.pipeline == augmented_pipeline(TEST, (1.0,))
    assert 'pipeline' not in config.test_dataloader.dataset


def test_what_a_config_states_is_kept():
    views = [dict(type='Views')]
    config = config_of(MASKS, tta_model=dict(type='Mean'), tta_pipeline=views)
    use_test_time_augmentation(config)
    assert config.model == dict(type='Mean', module=MASKS)
    assert config.test_dataloader.dataset.dataset.pipeline == views
    with pytest.raises(ConfigError, match='--tta-scales: the config states its views in tta_pipeline'):
        use_test_time_augmentation(config_of(MASKS, tta_pipeline=views), [0.8, 1.0])
    config = config_of(MASKS, tta_model=dict(type='PanopticTTAModel', iou_threshold=0.7))
    use_test_time_augmentation(config, [0.8, 1.0])
    assert config.model.iou_threshold == 0.7
    assert config.test_dataloader.dataset.dataset.pipeline == augmented_pipeline(TEST, (0.8, 1.0))


@pytest.mark.parametrize('model', [MASKS, dict(roi_head=dict(mask_head=dict()))])
def test_the_model_of_mmdet_has_no_rule_for_masks(model):
    with pytest.raises(ConfigError, match='--tta: DetTTAModel merges boxes and has no rule for masks'):
        use_test_time_augmentation(config_of(model, tta_model=dict(type='DetTTAModel'), tta_pipeline=[]))


def test_models_of_boxes_need_a_tta_model():
    boxes = dict(type='RetinaNet', bbox_head=dict())
    with pytest.raises(ConfigError, match="no tta_model.*type='DetTTAModel'"):
        use_test_time_augmentation(config_of(boxes))
    config = config_of(boxes, tta_model=dict(type='DetTTAModel'))
    use_test_time_augmentation(config)
    assert config.model.type == 'DetTTAModel'


@pytest.mark.parametrize(
    ('pipeline', 'scales', 'message'),
    [
        (TEST, (1.0, -0.5), '--tta-scales: -0.5 should be above 0'),
        ([RESIZE, PACK], (1.0,), 'here has no LoadImageFromFile'),
        ([LOAD, dict(type='TestTimeAug', transforms=[])], (1.0,), 'here has a TestTimeAug'),
    ],
)
def test_pipelines_that_cannot_be_augmented(pipeline, scales, message):
    with pytest.raises(ConfigError, match=message):
        augmented_pipeline(pipeline, scales, 'here')


@pytest.mark.parametrize('path', sorted((REPOSITORY / 'configs').glob('[a-z]*/*.py')), ids=lambda path: path.stem)
def test_every_config_of_masks_can_be_augmented(path):
    config = Config.fromfile(path)
    use_test_time_augmentation(config, [0.8, 1.0])
    assert config.model.type == 'PanopticTTAModel'
    assert config.test_dataloader.dataset.pipeline[-1]['type'] == 'TestTimeAug'
