from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmdet.datasets.transforms import Resize
from mmengine.evaluator import Evaluator

from metric_cases import (
    METAINFO,
    NUM_CLASSES,
    NUM_THINGS,
    empty_sample,
    pixel_data,
    random_case,
    random_samples,
    sample_of,
)
from mmdet_panseg.datasets import (
    CheckedCocoPanopticDataset,
    FilterCategories,
    LoadCheckedImage,
    LoadPanopticSegments,
    PackPanopticInputs,
    SplitStuffIslands,
)
from mmdet_panseg.datasets.scenes import make_scenes  # noqa: E402
from mmdet_panseg.evaluation import EvaluationError, PanopticQualityMetric  # noqa: E402
from mmdet_panseg.ops import (
    VOID_LABEL,
    SegmentTable,
    add_panoptic_counts,
    ids_from_rgb,
    panoptic_counts,
    panoptic_quality,
    segment_map_from_ids,
)
from panoptic_cases import write_files


def evaluate(samples, metainfo=METAINFO, **options):
    evaluator = Evaluator([PanopticQualityMetric(**options)])
    evaluator.dataset_meta = metainfo
    for start in range(0, len(samples), 2):
        evaluator.process(samples[start : start + 2])
    return evaluator.evaluate(len(samples))


def test_values_are_those_of_the_op():
    cases = [random_case(seed, 30, 41) for seed in range(5)]
    counts = add_panoptic_counts((panoptic_counts(*case, NUM_CLASSES) for case in cases), NUM_CLASSES)
    quality = panoptic_quality(counts, NUM_THINGS)
    metrics = evaluate([sample_of(case) for case in cases])
    assert 0 < quality.all.pq < 1
    expected = {
        f'coco_panoptic/{name}{ending}': getattr(means, name.lower())
        for ending, means in (('', quality.all), ('_th', quality.things), ('_st', quality.stuff))
        for name in ('PQ', 'SQ', 'RQ')
    }
    assert metrics == expected
    classwise = evaluate([sample_of(case) for case in cases], classwise=True)
    assert classwise.items() > metrics.items()
    assert [classwise[f'coco_panoptic/{name}_PQ'] for name in METAINFO['classes']] == quality.pq.tolist()
    assert len(classwise) == 9 + 3 * NUM_CLASSES


def test_equals_the_metric_of_mmdet_in_percent(tmp_path):
    pytest.importorskip('panopticapi', reason="panopticapi, which mmdet's metric needs, is not installed")
    from mmdet.evaluation import CocoPanopticMetric

    cases = [random_case(seed, 37, 54, num_segments=9) for seed in range(6)]
    truth, _ = write_files(tmp_path, cases)
    theirs = Evaluator([CocoPanopticMetric(ann_file=str(truth), seg_prefix=str(tmp_path / 'gt'))])
    theirs.dataset_meta = {**METAINFO, 'classes': tuple(f'class {label}' for label in range(NUM_CLASSES))}
    samples = [sample_of(case, image) for image, case in enumerate(cases)]
    ours = evaluate(samples)
    # mmdet replaces void in the prediction, so it comes last
    theirs.process(samples)
    assert {name: 100 * value for name, value in ours.items()} == pytest.approx(theirs.evaluate(6), abs=1e-7)


def test_nothing_to_count_is_nan():
    assert np.isnan(list(evaluate([empty_sample()]).values())).all()


@pytest.fixture(params=['panopticapi', 'hotcoco'])
def pq_compute(request):
    if request.param == 'hotcoco':
        return pytest.importorskip('hotcoco.panoptic', reason='hotcoco is not installed').pq_compute
    return pytest.importorskip('panopticapi.evaluation', reason='panopticapi is not installed').pq_compute


def real_samples(folder):
    """Samples with official annotations and predictions that are moved and partly of wrong classes, and metainfo."""
    truth = json.loads((folder / 'annotations' / 'panoptic_val.json').read_text())
    categories = sorted(truth['categories'], key=lambda category: not category['isthing'])
    label_of = {category['id']: label for label, category in enumerate(categories)}
    names = tuple(category['name'] for category in categories)
    things = sum(category['isthing'] for category in categories)
    metainfo = dict(
        classes=names, thing_classes=names[:things], stuff_classes=names[things:], category_ids=list(label_of)
    )
    samples = []
    for annotation in truth['annotations']:
        rng = np.random.default_rng(annotation['image_id'])
        segments = annotation['segments_info']
        labels = np.array([label_of[segment['category_id']] for segment in segments])
        ids, crowds = ([segment[key] for segment in segments] for key in ('id', 'iscrowd'))
        table = SegmentTable.from_segments(ids, labels, labels < things, crowds)
        png = cv2.imread(str(folder / 'panoptic_val' / annotation['file_name']))
        gt_map = segment_map_from_ids(ids_from_rgb(png[..., ::-1]), ids).rows
        labels = np.minimum(table.labels, len(names))
        labels[table.rows[::6]] = rng.integers(0, len(names) + 1, len(table.rows[::6]))
        values = labels + 1000 * np.where(labels < things, np.arange(len(table)) + 1, 0)
        samples.append(sample_of((gt_map, table, values[np.roll(gt_map, (2, -3), (0, 1))]), annotation['image_id']))
        samples[-1].set_metainfo(dict(img_path=f'images/{Path(annotation["file_name"]).stem}.jpg'))
    return samples, metainfo


def test_written_results_score_the_same_against_official_annotations(pq_compute, real_data, tmp_path):
    folder = real_data('coco_panoptic_samples')
    samples, metainfo = real_samples(folder)
    metrics = evaluate(samples, metainfo, outfile_prefix=str(tmp_path / 'results' / 'ours'))
    truth = (folder / 'annotations' / 'panoptic_val.json', folder / 'panoptic_val')
    scores = pq_compute(str(truth[0]), str(tmp_path / 'results/ours.panoptic.json'), gt_folder=str(truth[1]))
    assert 0.2 < metrics['coco_panoptic/PQ'] < 0.9
    for ending, group in (('', 'All'), ('_th', 'Things'), ('_st', 'Stuff')):
        for name in ('PQ', 'SQ', 'RQ'):
            assert metrics[f'coco_panoptic/{name}{ending}'] == pytest.approx(scores[group][name.lower()], abs=1e-9)
    assert sorted(path.name for path in (tmp_path / 'results/ours.panoptic').iterdir()) == [
        '000000142238.png',
        '000000439180.png',
    ]


def test_images_of_one_name_cannot_be_written(tmp_path):
    samples = random_samples(2)
    for sample in samples:
        sample.set_metainfo(dict(img_path=f'{sample.img_id}/image.jpg'))
    with pytest.raises(EvaluationError, match=r'image\.png: images 0 and 1 share this file name'):
        evaluate(samples, outfile_prefix=str(tmp_path / 'ours'))


def test_images_without_a_name_cannot_be_written(tmp_path):
    sample = random_samples(1)[0]
    del sample.img_path
    with pytest.raises(EvaluationError, match='add img_path to meta_keys'):
        evaluate([sample], outfile_prefix=str(tmp_path / 'ours'))


@pytest.mark.parametrize(
    ('key', 'remedy'),
    [('gt_panoptic_seg', "dict.type='LoadPanopticSegments'. before"), ('pred_panoptic_seg', 'a fusion_head')],
)
def test_absent_maps_are_named(key, remedy):
    sample = random_samples(1)[0]
    delattr(sample, key)
    with pytest.raises(EvaluationError, match=f'images/0.jpg: the data sample has no {key}.*{remedy}'):
        evaluate([sample])


def test_ground_truth_without_a_table():
    sample = random_samples(1)[0]
    sample.gt_panoptic_seg = pixel_data(sample.gt_panoptic_seg.sem_seg[0])
    with pytest.raises(EvaluationError, match="images/0.jpg: gt_panoptic_seg has no 'segments'"):
        evaluate([sample])


def test_resized_ground_truth():
    sample = random_samples(1)[0]
    sample.pred_panoptic_seg = pixel_data(np.zeros((5, 7)))
    with pytest.raises(EvaluationError, match=r'\(12, 17\), pred_panoptic_seg \(5, 7\).*after Resize'):
        evaluate([sample])


def segments_info(pred_map, num_things, void):
    return [
        dict(id=value, category=value % 1000, isthing=value % 1000 < num_things, area=int((pred_map == value).sum()))
        for value in np.unique(pred_map).tolist()
        if value % 1000 != void
    ]


@pytest.mark.parametrize('void', [NUM_CLASSES - 1, NUM_CLASSES, NUM_CLASSES + 1])
@pytest.mark.parametrize('num_things', [NUM_THINGS - 1, NUM_THINGS, NUM_THINGS + 1])
def test_models_with_other_classes_are_refused(num_things, void):
    """A model of the same classes passes; one with more or fewer things, or with another void, does not."""
    sample = empty_sample((1, void + 1))
    labels = np.arange(void + 1)[None]
    pred_map = labels + 1000 * (labels < num_things)
    sample.pred_panoptic_seg = pixel_data(pred_map, segments_info=segments_info(pred_map, num_things, void))
    if num_things == NUM_THINGS and void == NUM_CLASSES:
        evaluate([sample])
        return
    with pytest.raises(EvaluationError, match='images/0.jpg: .* 3 things .* 2 stuff classes .* 5 for void'):
        evaluate([sample])


def test_labels_above_void_are_refused_without_a_list_of_segments():
    sample = empty_sample()
    sample.pred_panoptic_seg = pixel_data(np.full((4, 6), 1000 + NUM_CLASSES + 1))
    with pytest.raises(EvaluationError, match='predicted label 6.*give the heads of the model the same num_things'):
        evaluate([sample])


@pytest.mark.parametrize(
    ('metainfo', 'message'),
    [
        (None, "has no 'classes'"),
        (dict(classes=('a', 'b')), "2 'classes', but 0 'thing_classes' and 0 'stuff_classes'"),
        (dict(classes=('a', 'b'), thing_classes=('b',), stuff_classes=('a',)), "first differ at label 0 .'a'."),
    ],
)
def test_data_sets_must_say_which_classes_are_things(metainfo, message):
    with pytest.raises(EvaluationError, match=message):
        evaluate(random_samples(1), metainfo)


def test_the_ground_truth_of_the_data_set_scores_one(real_data):
    """From files through data set and pipeline; crowds are void in this prediction, as a model leaves them."""
    folder = real_data('coco_panoptic_samples')
    data = CheckedCocoPanopticDataset(
        ann_file=str(folder / 'annotations' / 'panoptic_val.json'),
        data_prefix=dict(img=str(folder / 'images'), seg=str(folder / 'panoptic_val')),
        test_mode=True,
        pipeline=[
            LoadCheckedImage(),
            Resize(scale=(320, 256), keep_ratio=True),
            LoadPanopticSegments(),
            PackPanopticInputs(meta_keys=('img_id', 'img_path')),
        ],
    )
    metrics = evaluate(perfect_samples(data), data.metainfo)
    assert set(metrics.values()) == {1.0}


def test_edited_stuff_scores_one(tmp_path):
    """Islands are whole again for the metric, and classes that are renamed to stuff are one segment of it."""
    make_scenes(tmp_path / 'scenes', num_train=1, num_val=6, progress=False)
    for edit in (SplitStuffIslands(min_area=1), FilterCategories(drop=['grass', 'disc'], to='road')):
        data = CheckedCocoPanopticDataset(
            ann_file='annotations/panoptic_val.json',
            data_root=str(tmp_path / 'scenes'),
            data_prefix=dict(img='images/val/', seg='annotations/panoptic_val/'),
            test_mode=True,
            pipeline=[LoadCheckedImage(), LoadPanopticSegments(), edit, PackPanopticInputs()],
        )
        metrics = evaluate(perfect_samples(data), data.metainfo)
        assert {metrics[f'coco_panoptic/{name}'] for name in ('PQ', 'PQ_st', 'PQ_th')} == {1.0}


def perfect_samples(data):
    """Samples of a data set with predictions that are right."""
    samples = [data[index]['data_samples'] for index in range(len(data))]
    for sample in samples:
        table = sample.gt_panoptic_seg.segments
        labels = np.where(table.is_crowd | (table.labels == VOID_LABEL), len(data.metainfo['classes']), table.labels)
        values = labels + 1000 * np.where(table.is_instance, np.arange(len(table)) + 1, 0)
        sample.pred_panoptic_seg = pixel_data(values[sample.gt_panoptic_seg.sem_seg[0].numpy()])
    return samples
