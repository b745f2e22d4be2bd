from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO

from inference_cases import METAINFO, NAMES, photograph, write_photographs, write_run
from mmdet_panseg.apis.inference import OutputError, PanopticInferencer, SourceError, draw_prediction
from mmdet_panseg.ops import ids_from_rgb
from panoptic_solo_cases import SOLO, THINGS, changed

FILES = ['one.png', 'below/two.png', 'two.jpg', 'two.png']


@pytest.fixture(scope='module')
def inferencer(tmp_path_factory):
    folder = tmp_path_factory.mktemp('run')
    write_run(folder)
    return PanopticInferencer(folder, score_thr=0.15)


@pytest.fixture(scope='module')
def photos(tmp_path_factory):
    return write_photographs(tmp_path_factory.mktemp('photos'), FILES)


@pytest.fixture(scope='module')
def saved(inferencer, photos, tmp_path_factory):
    return inferencer(photos).save(tmp_path_factory.mktemp('out') / 'found')


def test_files_hold_what_was_found(inferencer, photos, saved):
    coco, panoptic = (json.loads((saved / f'{name}.json').read_text()) for name in ('instances', 'panoptic'))
    predictions = list(inferencer(photos))
    assert len(predictions) == 4
    for number, prediction in enumerate(predictions, start=1):
        image = dict(id=number, file_name=prediction.name, height=90, width=130)
        assert coco['images'][number - 1] == panoptic['images'][number - 1] == image
        records = [record for record in coco['annotations'] if record['image_id'] == number]
        assert len(records) == len(prediction) > 3
        for index, record in enumerate(records):
            assert record['category_id'] == METAINFO['category_ids'][prediction.labels[index]]
            assert record['score'] == pytest.approx(prediction.scores[index], abs=1e-4)
            assert np.array_equal(coco_masks.decode(record['segmentation']), prediction.mask_arrays()[index])
            x, y, width, height = record['bbox']
            np.testing.assert_allclose([x, y, x + width, y + height], prediction.boxes[index], atol=0.02)

        stem = {'two.jpg': 'two', 'two.png': 'two.png'}.get(prediction.name, prediction.name[:-4])
        semantic = np.array(Image.open(saved / 'semantic' / f'{stem}.png'))
        assert np.array_equal(semantic, prediction.semantic_map)
        record = panoptic['annotations'][number - 1]
        assert record['image_id'] == number and record['file_name'] == f'{stem}.png'
        rgb = np.array(Image.open(saved / 'panoptic' / f'{stem}.png'))
        assert np.array_equal(ids_from_rgb(rgb), prediction.panoptic_map)
        for info, segment in zip(prediction.segments_info, record['segments_info'], strict=True):
            assert segment['category_id'] == METAINFO['category_ids'][info['category_id']]
            assert (segment['id'], segment['area'], segment['bbox']) == (info['id'], info['area'], info['bbox'])
        picture = Image.open(saved / 'pictures' / f'{stem}.jpg')
        assert picture.width == 130 and picture.height > 90, 'a legend lies below'
    assert len({record['id'] for record in coco['annotations']}) == len(coco['annotations'])
    assert [category['name'] for category in coco['categories']] == list(NAMES[:THINGS])
    assert [category['isthing'] for category in panoptic['categories']] == [1] * THINGS + [0] * 3


def test_pycocotools_and_our_data_sets_read_the_files(saved, photos):
    from mmdet_panseg.datasets import CheckedCocoDataset, CheckedCocoPanopticDataset

    coco = COCO(str(saved / 'instances.json'))
    assert len(coco.imgs) == 4
    results = coco.loadRes([ann for ann in coco.dataset['annotations'] if ann['image_id'] == 1])
    assert len(results.anns) > 3
    dataset = CheckedCocoDataset(
        ann_file=str(saved / 'instances.json'), data_prefix=dict(img=str(photos)), pipeline=[], serialize_data=False
    )
    assert len(dataset) == 4 and dataset.metainfo['classes'] == NAMES[:THINGS]
    dataset = CheckedCocoPanopticDataset(
        ann_file=str(saved / 'panoptic.json'),
        data_prefix=dict(img=str(photos), seg=str(saved / 'panoptic')),
        pipeline=[],
    )
    assert len(dataset) == 4 and dataset.metainfo['stuff_classes'] == NAMES[THINGS:]


def test_results_are_written_as_they_come(inferencer, photos, tmp_path, monkeypatch):
    original, calls = inferencer.predict, []

    def interrupted(images, on_row):
        calls.append(images)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(images)

    monkeypatch.setattr(inferencer, 'predict', interrupted)
    with pytest.raises(KeyboardInterrupt):
        inferencer(photos).save(tmp_path)
    coco, panoptic = (json.loads((tmp_path / f'{name}.json').read_text()) for name in ('instances', 'panoptic'))
    assert len(coco['images']) == len(panoptic['annotations']) == 2
    assert len(list((tmp_path / 'pictures').rglob('*.jpg'))) == 2


def test_outputs_are_chosen_and_must_be_there(inferencer, photos, tmp_path):
    folder = inferencer(photos / 'one.png').save(tmp_path / 'some', outputs=['semantic', 'instances'])
    assert sorted(path.name for path in folder.iterdir()) == ['instances.json', 'semantic']
    with pytest.raises(OutputError, match='--outputs maps: is unknown'):
        inferencer(photos / 'one.png').save(tmp_path / 'none', outputs=['maps'])

    write_run(tmp_path / 'run', changed(SOLO), metainfo=dict(classes=NAMES[:4]))
    alone = PanopticInferencer(tmp_path / 'run')
    for name in ('panoptic', 'semantic'):
        with pytest.raises(OutputError, match=f'gives no {name} maps'):
            alone(photos).save(tmp_path / 'none', outputs=['pictures', name])
    assert not (tmp_path / 'none').exists()
    folder = alone(photos / 'one.png').save(tmp_path / 'alone')
    assert sorted(path.name for path in folder.iterdir()) == ['instances.json', 'pictures']


def test_what_is_there_is_kept(inferencer, photos, tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'thesis.txt').write_text('years of work')
    with pytest.raises(OutputError, match='is not empty.*--overwrite'):
        inferencer(photos).save(tmp_path / 'out')
    with pytest.raises(OutputError, match='is a file'):
        inferencer(photos).save(tmp_path / 'out' / 'thesis.txt')
    for _ in range(2):
        inferencer(photos / 'one.png').save(tmp_path / 'out', overwrite=True)
    assert (tmp_path / 'out' / 'thesis.txt').read_text() == 'years of work'
    assert len(json.loads((tmp_path / 'out' / 'instances.json').read_text())['images']) == 1


def test_unreadable_images_are_left_out_and_told(inferencer, photos, tmp_path, log):
    write_photographs(tmp_path / 'in', ['good.png'])
    (tmp_path / 'in' / 'bad.jpg').write_text('no image')
    results = inferencer(tmp_path / 'in')
    results.save(tmp_path / 'out')
    assert len(results.source.left_out) == 1 and 'bad.jpg' in results.source.left_out[0]
    assert 'annotation file' not in log.text and '1 could not be read' in log.text
    with pytest.raises(SourceError, match="'.*bad.jpg' does not decode"):
        inferencer(tmp_path / 'in' / 'bad.jpg').save(tmp_path / 'other')
    assert not (tmp_path / 'other').exists()


def test_pictures_may_show_the_photograph_and_are_reduced(inferencer):
    (prediction,) = inferencer(photograph(size=(90, 130)))
    plain = draw_prediction(prediction)
    both = draw_prediction(prediction, side_by_side=True)
    assert both.shape[1] == 2 * 130 + 8
    assert np.array_equal(both[:90, :130], photograph(size=(90, 130))[..., ::-1])
    assert np.array_equal(both[:90, 138:], plain[:90])
    assert draw_prediction(prediction, longest_side=65).shape[1] == 65
    contiguous = replace(prediction, image=np.ascontiguousarray(prediction.image))
    for longest in (65, 200):
        assert np.array_equal(
            draw_prediction(contiguous, longest_side=longest), draw_prediction(prediction, longest_side=longest)
        )


def test_reduced_masks_are_where_the_masks_are(inferencer):
    from mmdet_panseg.apis.inference.pictures import _reduced_masks

    (prediction,) = inferencer(photograph(size=(90, 130)))
    assert np.array_equal(_reduced_masks(prediction, (90, 130)), prediction.mask_arrays())
    reduced = _reduced_masks(prediction, (45, 65))
    assert np.array_equal(reduced, prediction.mask_arrays()[:, 1::2, 1::2])


def test_a_grey_photograph_is_drawn_in_grey(inferencer):
    grey = cv2.cvtColor(photograph(), cv2.COLOR_BGR2GRAY)
    (prediction,) = inferencer(grey)
    assert prediction.image.shape == (90, 130, 3)
    assert draw_prediction(prediction).shape[1] == 130


def test_pictures_are_shown_with_matplotlib(inferencer, photos, monkeypatch):
    import matplotlib
    from matplotlib import pyplot

    matplotlib.use('agg')
    shown = []
    monkeypatch.setattr(pyplot, 'show', lambda: shown.append(pyplot.gcf()))
    inferencer(photos).show(most=2)
    assert [figure.axes[0].get_title() for figure in shown] == ['one.png', 'two.jpg']
    pyplot.close('all')
