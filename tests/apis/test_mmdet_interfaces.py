"""mmdet's own ways to use a model take the configs that trainings write."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import cv2
import mmdet
import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer, inference_detector, init_detector
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config

from mmdet_panseg.datasets.scenes import THING_CLASSES, make_scenes
from mmdet_panseg.engine import load_config

TOOLS = Path(mmdet.__file__).parent / '.mim' / 'tools' / 'analysis_tools'


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data') / 'scenes'
    make_scenes(folder, num_train=2, num_val=2, size=(128, 96), progress=False)
    return folder


@pytest.fixture(scope='module', params=['instance_cpu', 'panoptic_cpu'])
def trained(request, repository, scenes, tmp_path_factory):
    """Config and checkpoint as a training leaves them, of a model that has learnt nothing, and the scenes."""
    folder = tmp_path_factory.mktemp(request.param)
    recipe = folder / 'recipe.py'
    recipe.write_text(
        f"_base_ = '{repository}/configs/recipes/{request.param}.py'\n"
        + ''.join(f"{loop}_dataloader = dict(dataset=dict(data_root='{scenes}/'))\n" for loop in ('train', 'val'))
        + 'test_dataloader = val_dataloader\n'
        + 'model = dict(backbone=dict(init_cfg=None), test_cfg=dict(score_thr=0.0, max_per_img=5))\n'
    )
    config = load_config(recipe)
    config.dump(folder / 'run.py')
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    meta = dict(dataset_meta=DATASETS.build(config.val_dataloader.dataset).metainfo)
    torch.save(dict(state_dict=model.state_dict(), meta=meta), folder / 'model.pth')
    return str(folder / 'run.py'), str(folder / 'model.pth'), scenes


def test_inferencer_finds_draws_and_writes(trained, tmp_path):
    config, weights, scenes = trained
    inferencer = DetInferencer(model=config, weights=weights, device='cpu', show_progress=False)
    assert inferencer.model.dataset_meta['thing_classes'] == THING_CLASSES
    images = str(scenes / 'images' / 'val')
    found = inferencer(images, out_dir=str(tmp_path), no_save_pred=False, pred_score_thr=0.0)
    assert len(found['predictions']) == 2
    assert all(len(prediction['masks']) == 5 for prediction in found['predictions'])
    assert ('panoptic_seg_path' in found['predictions'][0]) == ('panoptic' in config)
    for name in ('000000', '000001'):
        image, drawn = cv2.imread(f'{images}/{name}.jpg'), cv2.imread(str(tmp_path / 'vis' / f'{name}.jpg'))
        assert drawn.shape == image.shape
        assert np.abs(drawn.astype(int) - image).max() > 50
    array = inferencer(cv2.imread(f'{images}/000000.jpg'), return_datasamples=True)['predictions'][0]
    named = inferencer(f'{images}/000000.jpg', return_datasamples=True)['predictions'][0]
    assert torch.equal(array.pred_instances.masks, named.pred_instances.masks)


def test_functions_of_mmdet_take_files_and_arrays(trained):
    config, weights, scenes = trained
    path = str(scenes / 'images' / 'val' / '000000.jpg')
    model = init_detector(config, weights, device='cpu')
    named, array = inference_detector(model, path), inference_detector(model, cv2.imread(path))
    assert len(named.pred_instances) == 5
    assert torch.equal(named.pred_instances.scores, array.pred_instances.scores)


def run_tool(monkeypatch, name, *arguments):
    if not (TOOLS / name).is_file():
        pytest.skip(f'{name} came with mmdet as a wheel alone')
    monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
    runpy.run_path(str(TOOLS / name), run_name='__main__')


def test_browse_dataset_draws_what_the_network_is_trained_on(trained, tmp_path, monkeypatch):
    config, _, scenes = trained
    run_tool(monkeypatch, 'browse_dataset.py', config, '--output-dir', tmp_path, '--not-show')
    widths = {path.name: cv2.imread(str(path)).shape[1] for path in tmp_path.iterdir()}
    assert sorted(widths) == ['000000.jpg', '000001.jpg']
    if 'panoptic' in config:  # instances and semantic map side by side
        assert set(widths.values()) == {2 * 320}


def test_analyze_logs_plots_losses(tmp_path, monkeypatch):
    log = tmp_path / 'scalars.json'
    lines = [dict(loss_mask=1.0 / step, step=step, iter=step) for step in (50, 100)]
    log.write_text(
        '\n'.join(map(json.dumps, [*lines, {'coco/segm_mAP': 0.5, 'step': 0}, {'coco/segm_mAP': 0.6, 'step': 0}]))
    )
    picture = tmp_path / 'curve.png'
    run_tool(
        monkeypatch, 'analyze_logs.py', 'plot_curve', log, '--keys', 'loss_mask', '--style', 'ggplot', '--out', picture
    )
    assert cv2.imread(str(picture)) is not None


def test_configs_name_the_loading_step_as_inferencers_look_for_it(repository):
    for path in (repository / 'configs' / 'recipes').glob('*.py'):
        pipeline = Config.fromfile(path).test_dataloader.dataset.pipeline
        assert pipeline[0]['type'] == 'panseg.LoadImageFromFile', path
