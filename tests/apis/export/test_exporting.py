"""Exports from config and checkpoint to files that give torch's numbers, and what is refused."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from mmengine.config import Config

import mmdet_panseg.apis.export.exporting as exporting
from export_cases import FAMILIES, build, write_stand_in
from mmdet_panseg.apis.export import ExportError, export_detector
from mmdet_panseg.apis.export.comparison import compare
from mmdet_panseg.apis.export.settings import reading_rule
from mmdet_panseg.apis.export.standalone import Model
from mmdet_panseg.cli import main
from panoptic_solo_cases import STUFF, THINGS

CLASSES = [f'thing {number}' for number in range(THINGS)] + [f'stuff {number}' for number in range(STUFF)]
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(160, 128), keep_ratio=True),
    dict(type='PackDetInputs', meta_keys=('ori_shape', 'img_shape', 'scale_factor')),
]


def write_model(folder, family, **build_arguments):
    """Config file and checkpoint, as a training leaves them."""
    model = build(family, **build_arguments)
    has_stuff = getattr(model, 'semantic_head', None) is not None
    config = Config(
        dict(
            default_scope='mmdet',
            custom_imports=dict(imports=['mmdet_panseg']),
            model=FAMILIES[family],
            test_dataloader=dict(dataset=dict(type='CocoDataset', pipeline=PIPELINE)),
        )
    )
    config.dump(folder / 'config.py')
    names = CLASSES if has_stuff else CLASSES[: model.mask_head.num_classes]
    meta = dict(dataset_meta=dict(classes=names, thing_classes=CLASSES[:THINGS] if has_stuff else names))
    if has_stuff:
        meta['dataset_meta']['stuff_classes'] = CLASSES[THINGS:]
    torch.save(dict(state_dict=model.state_dict(), meta=meta), folder / 'model.pth')
    return folder / 'config.py', folder / 'model.pth'


@pytest.mark.slow
@pytest.mark.parametrize('family', FAMILIES)
def test_files_give_the_numbers_of_torch(tmp_path, family):
    written = export_detector(*write_model(tmp_path, family), tmp_path / 'out.onnx')
    assert written.images == 3 and written.difference.instances > 30 and not written.difference.fault
    assert written.difference.scores < 1e-4
    assert sorted(path.name for path in tmp_path.iterdir()) == ['config.py', 'model.pth', 'out.onnx', 'out.py']
    model = Model(tmp_path / 'out.onnx')
    assert model.classes[0] == CLASSES[0] and model.settings['resize'] == dict(scale=[160, 128], keep_ratio=True)


@pytest.mark.slow
def test_files_find_nothing_where_there_is_nothing(tmp_path):
    export_detector(*write_model(tmp_path, 'panoptic with a shared tower', class_bias=-100.0), tmp_path / 'out.onnx')
    found = Model(tmp_path / 'out.onnx')(np.zeros((50, 33, 3), np.uint8))
    assert found['masks'].shape == (0, 50, 33) and found['panoptic_map'].shape == (50, 33)


@pytest.mark.slow
def test_openvino_by_the_same_gate(tmp_path):
    pytest.importorskip('openvino')
    written = export_detector(*write_model(tmp_path, 'solov2 as in the recipes'), tmp_path / 'out.xml')
    assert sorted(path.name for path in written.files) == ['out.bin', 'out.py', 'out.xml']
    assert written.difference.instances > 30


@pytest.fixture(scope='module')
def solo(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp('solo'), 'solo')


def write_other_numbers(graph, settings, path, format):
    """Take the place of the translation."""
    shape = (1, 128, 160)
    outputs = dict(
        boxes=np.zeros((1, 4), np.float32),
        scores=np.ones(1, np.float32),
        labels=np.zeros(1, np.int64),
        masks=np.zeros(shape, bool),
    )
    write_stand_in(path, outputs, settings)


def test_a_file_whose_numbers_disagree_is_not_left_behind(tmp_path, solo, monkeypatch):
    monkeypatch.setattr(exporting, '_write', write_other_numbers)
    (tmp_path / 'out.onnx').write_text('what was there')
    with pytest.raises(ExportError, match='out.onnx was not written: 1 instances in place of'):
        export_detector(*solo, tmp_path / 'out.onnx', overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ['out.onnx']
    assert (tmp_path / 'out.onnx').read_text() == 'what was there'


def test_settings_are_in_the_file(tmp_path, solo, monkeypatch):
    monkeypatch.setattr(exporting, '_write', write_other_numbers)
    monkeypatch.setattr(exporting, 'compare', lambda expected, found: exporting.Difference())
    main(['export', *map(str, solo), str(tmp_path / 'out.onnx')])
    settings = Model(tmp_path / 'out.onnx').settings
    assert settings['classes'] == CLASSES[:THINGS] and settings['num_things'] == THINGS
    assert settings['mean'] == [127.0] * 3 and settings['std'] == [64.0] * 3 and settings['size_divisor'] == 32
    assert settings['channel_order'] == 'BGR' and settings['fusion'] is None
    assert settings['instances']['mask_thr'] == 0.7 and settings['instances']['max_per_img'] == 100
    json.dumps(settings)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['out.pt'], r'out.pt: the name must end in .onnx or .xml'),
        (['out.onnx', '--format', 'openvino'], r'out.onnx: the name must end in .xml'),
        (['there.onnx'], 'there.onnx exists already: .*--overwrite'),
    ],
)
def test_names_that_cannot_be(tmp_path, solo, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'there.onnx').write_text('')
    with pytest.raises(SystemExit):
        main(['export', *map(str, solo), *arguments])
    assert re.search(message, capsys.readouterr().err)


def test_a_missing_library_is_named_with_the_remedy(tmp_path, solo, monkeypatch):
    monkeypatch.setattr(exporting.importlib.util, 'find_spec', lambda name: None if 'script' in name else True)
    with pytest.raises(ExportError, match=r'onnxscript is not installed: pip install .*mmdet_panseg\[export\]'):
        export_detector(*solo, tmp_path / 'out.onnx')


@pytest.mark.parametrize(
    ('step', 'message'),
    [
        (dict(type='Pad', size_divisor=32), 'no step like Pad'),
        (dict(type='Resize', scale_factor=2.0), 'has a scale'),
        (dict(type='Resize', scale=(9, 9), interpolation='nearest'), 'is bilinear'),
        (dict(type='LoadImageFromFile', color_type='grayscale'), "color_type = 'grayscale'"),
    ],
)
def test_test_pipelines_that_the_reader_cannot_follow(step, message):
    with pytest.raises(ExportError, match=message):
        reading_rule([step])


def arrays(**changes):
    masks = np.zeros((2, 30, 40), bool)
    masks[0, 2:22, 3:23] = masks[1, 5:25, 15:35] = True
    boxes = np.array([[3, 2, 23, 22], [15, 5, 35, 25]], np.float32)
    scores, labels = np.array([0.9, 0.9], np.float32), np.array([1, 1])
    semantic = np.zeros((30, 40), np.uint8)
    return dict(dict(boxes=boxes, scores=scores, labels=labels, masks=masks, semantic_map=semantic), **changes)


def test_comparison_takes_equal_scores_in_any_order():
    expected = arrays()
    turned = {key: expected[key][::-1] for key in ('boxes', 'scores', 'labels', 'masks')}
    assert compare(expected, arrays(**turned)) == (0.0, 0.0, 0.0, 2, '')


def test_comparison_finds_what_differs():
    expected = arrays()
    masks, semantic = expected['masks'].copy(), expected['semantic_map'].copy()
    masks[0, 2, 3:8] = False
    semantic[:2] = 1
    for changes, fault in (
        (dict(scores=np.array([0.9, 0.89], np.float32)), 'no instance of class 1 with score 0.9000'),
        (dict(labels=np.array([1, 2])), 'no instance of class 1'),
        (dict(masks=masks), '1.25% of the pixels of an instance of class 1 differ'),
        (dict(boxes=expected['boxes'] + 1), 'another box'),
        (dict(semantic_map=semantic), '6.67% of the pixels of the semantic map differ'),
    ):
        assert fault in compare(expected, arrays(**changes)).fault
    masks = expected['masks'].copy()
    masks[0, 2, 3:7] = False
    assert compare(expected, arrays(masks=masks)) == (0.0, 0.01, 0.0, 2, '')
