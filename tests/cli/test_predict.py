from __future__ import annotations

import json

import pytest

from inference_cases import write_photographs, write_run
from mmdet_panseg.cli import predict
from mmdet_panseg.errors import UserError


def run(*arguments):
    predict.run(predict.build_parser().parse_args([str(argument) for argument in arguments]))


def test_a_folder_is_predicted(tmp_path):
    write_run(tmp_path / 'run')
    photos = write_photographs(tmp_path / 'photos', ['a.png', 'b/c.jpg'], (150, 200))
    where = ['--model', tmp_path / 'run', '--out', tmp_path / 'out', '--score-thr', 0.15]
    run(photos, *where)
    names = ['instances.json', 'panoptic', 'panoptic.json', 'pictures', 'semantic']
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == names
    with pytest.raises(UserError, match='--overwrite'):
        run(photos, *where)
    run(photos, *where, '--overwrite', '--tiles', 128, '--batch-size', 2, '--outputs', 'instances')
    found = json.loads((tmp_path / 'out' / 'instances.json').read_text())
    assert [image['file_name'] for image in found['images']] == ['a.png', 'b/c.jpg'] and found['annotations']


def test_images_become_annotations_of_a_tool(tmp_path, capsys):
    write_run(tmp_path / 'run')
    photos = write_photographs(tmp_path / 'photos', ['a.png', 'b/c.jpg'], (150, 200))
    run(photos, '--model', tmp_path / 'run', '--out', tmp_path / 'out', '--format', 'label-studio', '--score-thr', 0.15)
    tasks = json.loads((tmp_path / 'out' / 'label_studio.json').read_text())
    assert [task['data']['image'].rpartition('photos/')[2] for task in tasks] == ['a.png', 'b/c.jpg']
    assert any(result for task in tasks for result in task['predictions'])
    assert 'objects in 2 images' in capsys.readouterr().out


def test_frames_of_a_camera_become_no_annotations(tmp_path):
    with pytest.raises(UserError, match='--format cvat: annotations are of image files'):
        run('0', '--model', tmp_path / 'run', '--out', tmp_path / 'out', '--format', 'cvat')


def test_faults_are_told_before_the_model_is_loaded(tmp_path):
    photos = write_photographs(tmp_path / 'photos', ['a.png'])
    (tmp_path / 'empty').mkdir()
    where = ['--model', tmp_path / 'gone', '--out', tmp_path / 'out']
    for source, more, message in (
        (tmp_path / 'empty', [], 'has no images'),
        ('https://example.com/a.png', [], 'nothing is downloaded'),
        (photos, ['--out', photos], 'is not empty'),
        (photos, [], 'no such config file'),
    ):
        with pytest.raises(UserError, match=message):
            run(source, *where, *more)
    (tmp_path / 'gone_on').mkdir()
    with pytest.raises(UserError, match=r"work dir: 'gone' \(nearest: 'gone_on'\)"):
        run(photos, *where)
    assert not (tmp_path / 'out').exists()
