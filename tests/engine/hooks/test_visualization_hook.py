from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmdet.registry import HOOKS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import Compose

import mmdet_panseg  # noqa: F401, registers the hook
from mmdet_panseg.engine.testing import use_painting


class Recorder:
    """Stands for the visualizer and keeps what it is to draw."""

    def __init__(self):
        self.images = {}

    def add_datasample(self, name, image, out_file=None, **kwargs):
        self.images[out_file] = image


def dataset(root):
    return SimpleNamespace(
        data_prefix=dict(img=str(root)), pipeline=Compose([dict(type='panseg.LoadImageFromFile', bit_depth=12)])
    )


def write(path, value=100, dtype=np.uint8):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((4, 6, 3), value, dtype))
    return DetDataSample(metainfo=dict(img_path=str(path)))


@pytest.fixture
def paint(tmp_path, monkeypatch):
    """Give a function from samples of data sets to the pictures below the folder."""

    def run(data, batches):
        hook = HOOKS.build(dict(type='PanopticVisualizationHook', draw=True, test_out_dir='vis'))
        hook._visualizer = Recorder()
        loader = SimpleNamespace(dataset=data)
        runner = SimpleNamespace(test_dataloader=loader, work_dir='out', timestamp='now')
        hook.before_test(runner)
        for number, batch in enumerate(batches):
            hook.after_test_iter(runner, number, {}, batch)
        return hook._visualizer.images

    monkeypatch.chdir(tmp_path)
    return run


def test_pictures_lie_as_their_images_do_whatever_the_number_of_batches(paint, tmp_path):
    images = [write(tmp_path / 'val' / camera / 'frame.jpg') for camera in 'abc']
    painted = paint(dataset(tmp_path / 'val'), [[image] for image in images])
    assert list(painted) == [f'out/now/vis/{camera}/frame.jpg' for camera in 'abc']


def test_images_of_one_name_in_joined_data_get_numbers(paint, tmp_path):
    images = [write(tmp_path / part / 'frame.jpg') for part in 'ab']
    joined = SimpleNamespace(datasets=[dataset(tmp_path / 'a'), dataset(tmp_path / 'b')])
    elsewhere = write(tmp_path / 'elsewhere' / 'frame.jpg')
    painted = paint(joined, [[*images, elsewhere]])
    assert list(painted) == [f'out/now/vis/frame{number}.jpg' for number in ('', '_2', '_3')]


def test_images_are_loaded_as_the_pipeline_loads_them(paint, tmp_path):
    image = write(tmp_path / 'val' / 'deep.tiff', 1600, np.uint16)
    (name, drawn), *_ = paint(dataset(tmp_path / 'val'), [[image]]).items()
    assert name == 'out/now/vis/deep.png'
    assert (drawn == 1600 >> 4).all()


@pytest.mark.parametrize(
    'settings', [{}, dict(default_hooks=dict(visualization=dict(type='DetVisualizationHook', draw=True)))]
)
def test_tests_paint_with_any_config(settings):
    config = Config(settings)
    use_painting(config)
    assert config.default_hooks.visualization.type == 'PanopticVisualizationHook'
    assert config.visualizer.type == 'PanopticLocalVisualizer'


def test_visualizers_of_others_stay():
    config = Config(dict(visualizer=dict(type='Theirs'), default_hooks=dict(visualization=dict(type='TheirHook'))))
    use_painting(config)
    assert config.visualizer.type == 'Theirs' and config.default_hooks.visualization.type == 'TheirHook'
