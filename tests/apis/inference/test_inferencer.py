from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose

from inference_cases import METAINFO, NAMES, PIPELINE, photograph, write_photographs, write_run
from mmdet_panseg.apis import load_detector, predict
from mmdet_panseg.apis.inference import PanopticInferencer
from mmdet_panseg.apis.inference.errors import SourceError
from mmdet_panseg.engine import CheckpointError, ConfigError, load_config
from panoptic_solo_cases import PANOPTIC, SOLO, THINGS, changed


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp('runs') / 'panoptic'
    write_run(folder)
    return folder


@pytest.fixture(scope='module')
def photos(tmp_path_factory):
    return write_photographs(tmp_path_factory.mktemp('photos'), ['one.png', 'below/two.png', 'below/three.jpg'])


def test_a_work_dir_and_a_folder_give_what_the_model_gives(run, photos):
    inferencer = PanopticInferencer(run, device='cpu', batch_size=2, score_thr=0.15)
    predictions = list(inferencer(str(photos)))
    assert [prediction.name for prediction in predictions] == ['one.png', 'below/three.jpg', 'below/two.png']

    config = load_config(run / 'small.py')
    model = load_detector(config, run)
    model.fusion_head.score_thr = 0.15
    pipeline = Compose([step for step in PIPELINE if step['type'] != 'LoadAnnotations'])
    for prediction in predictions:
        sample = predict(model, pipeline, dict(img_path=str(photos / prediction.name), img_id=0))
        found = sample.pred_instances
        found = found[(found.scores >= 0.15) & found.masks.flatten(1).any(dim=1)]
        assert len(found.scores) > 3 and prediction.size == (90, 130)
        np.testing.assert_allclose(prediction.scores, found.scores, rtol=1e-4)
        assert prediction.labels.tolist() == found.labels.tolist()
        # Two images at once: sums of floats differ in the last digits.
        assert (prediction.mask_arrays() != found.masks.numpy()).mean() < 1e-3
        assert np.abs(prediction.boxes - found.bboxes.numpy()).max() <= 1
        assert (prediction.semantic_map != sample.pred_sem_seg.sem_seg[0].numpy()).mean() < 1e-3
        values = sample.pred_panoptic_seg.sem_seg[0].numpy()
        ids = np.where(values % 1000 == len(NAMES), 0, values + 1)
        assert (prediction.panoptic_map != ids).mean() < 1e-3
        assert {info['id'] for info in prediction.segments_info} == set(np.unique(prediction.panoptic_map)) - {0}
        for info in prediction.segments_info:
            assert info['area'] == np.count_nonzero(prediction.panoptic_map == info['id'])
            assert info['isthing'] == (info['category_id'] < THINGS) == (info['score'] is not None)


def test_predictions_are_made_when_they_are_asked_for(run, photos, monkeypatch):
    inferencer = PanopticInferencer(run)
    seen = []
    original = inferencer.predict
    monkeypatch.setattr(inferencer, 'predict', lambda images, on_row: seen.append(len(images)) or original(images))
    results = inferencer(photos)
    assert seen == []
    next(iter(results))
    assert seen == [1]
    assert len(list(results)) == 3, 'going through them again begins anew'


def test_names_come_from_the_checkpoint(run):
    classes = PanopticInferencer(run).classes
    assert classes.names == NAMES and classes.num_things == THINGS
    assert classes.palette == METAINFO['palette'] and classes.category_ids == METAINFO['category_ids']


def test_a_model_without_names_has_numbers_and_a_warning(tmp_path, log):
    write_run(tmp_path, changed(SOLO), metainfo=None)
    inferencer = PanopticInferencer(tmp_path)
    assert inferencer.classes.names == ('class 1', 'class 2', 'class 3', 'class 4')
    assert 'names the classes of this model' in log.text


def test_names_of_something_else_are_not_taken(tmp_path):
    """COCO's 80 classes are not those of a model with four."""
    from mmdet.datasets import CocoDataset

    write_run(tmp_path, changed(SOLO), metainfo=CocoDataset.METAINFO)
    assert PanopticInferencer(tmp_path).classes.names[0] == 'class 1'


def test_arrays_give_what_files_give(run, tmp_path):
    write_photographs(tmp_path, ['a.png'])
    inferencer = PanopticInferencer(run)
    (by_array,), (by_file,) = list(inferencer(photograph(0))), list(inferencer(tmp_path / 'a.png'))
    assert by_array.name == 'image_0000' and by_file.name == 'a.png'
    assert by_array.masks == by_file.masks and np.array_equal(by_array.panoptic_map, by_file.panoptic_map)


def test_instances_alone_have_no_maps(tmp_path):
    write_run(tmp_path / 'run', changed(SOLO), metainfo=dict(classes=NAMES[:4]))
    (prediction,) = PanopticInferencer(tmp_path / 'run', score_thr=0.1)(photograph())
    assert len(prediction) and prediction.semantic_map is None and prediction.panoptic_map is None
    assert prediction.class_names()[0] in NAMES[:4]


def test_nothing_is_found_above_a_high_threshold(run):
    (prediction,) = PanopticInferencer(run, score_thr=1.0)(photograph(size=(33, 47)))
    assert len(prediction) == 0 and prediction.mask_arrays().shape == (0, 33, 47)
    assert not any(info['isthing'] for info in prediction.segments_info), 'a threshold that is said is that of both'


def test_the_fusion_keeps_its_threshold_unless_one_is_said(run):
    assert PanopticInferencer(run).model.fusion_head.score_thr == PANOPTIC.fusion_head.score_thr


@pytest.mark.parametrize('size', [(1, 1), (3, 200), (201, 5)])
def test_any_size_will_do(run, size):
    (prediction,) = PanopticInferencer(run)(np.full((*size, 3), 90, np.uint8))
    assert prediction.panoptic_map.shape == prediction.semantic_map.shape == size


def test_the_package_gives_the_inferencer_and_imports_without_it():
    code = (
        'import sys, mmdet_panseg; assert "mmdet_panseg.apis.inference" not in sys.modules; '
        'from mmdet_panseg import PanopticInferencer; print(PanopticInferencer.__name__); '
        'assert "PanopticInferencer" in dir(mmdet_panseg) and "av" not in sys.modules'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.stdout.endswith('PanopticInferencer\n'), done.stderr


def test_faults_are_named(run, tmp_path):
    with pytest.raises(ConfigError, match='no such config file'):
        PanopticInferencer(tmp_path / 'gone.py', run)
    with pytest.raises(ConfigError, match='name its weights too'):
        PanopticInferencer(run / 'small.py')
    with pytest.raises(ConfigError, match=r'has no config \(\*.py\)'):
        PanopticInferencer(tmp_path)
    with pytest.raises(ConfigError, match='is a checkpoint; name the work dir'):
        PanopticInferencer(run / 'iter_1.pth')
    with pytest.raises(CheckpointError, match='no such checkpoint'):
        PanopticInferencer(run, run / 'iter_2.pth')
    with pytest.raises(ConfigError, match='--score-thr'):
        PanopticInferencer(run, score_thr=30)
    with pytest.raises(ConfigError, match='--batch-size'):
        PanopticInferencer(run, batch_size=0)
    for device in ('cuda:77', 'toaster'):
        with pytest.raises(ConfigError, match=f'--device {device}'):
            PanopticInferencer(run, device=device)
    with pytest.raises(SourceError, match='nothing is downloaded'):
        PanopticInferencer(run)('https://example.com/a.jpg')
    (run / 'copy').mkdir(exist_ok=True)
    for name in ('a.py', 'b.py'):
        (run / 'copy' / name).write_text((run / 'small.py').read_text())
    with pytest.raises(ConfigError, match='has 2 configs'):
        PanopticInferencer(run / 'copy')


def test_weights_of_another_model_are_refused(run, tmp_path):
    write_run(
        tmp_path,
        changed(
            PANOPTIC, mask_head=dict(num_classes=THINGS), neck=dict(out_channels=8), semantic_head=dict(channels=16)
        ),
    )
    with pytest.raises(CheckpointError, match='does not fit this model'):
        PanopticInferencer(run, tmp_path / 'iter_1.pth')


def test_no_gradients_are_kept(run):
    inferencer = PanopticInferencer(run)
    list(inferencer(photograph()))
    assert all(parameter.grad is None for parameter in inferencer.model.parameters()) and torch.is_grad_enabled()
