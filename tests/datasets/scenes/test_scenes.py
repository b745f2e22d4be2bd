"""The embedded scenes: files that agree with each other, and the cases that training needs."""

from __future__ import annotations

import json
import runpy
import signal
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as mask_utils
from pycocotools.coco import COCO

from mmdet_panseg.datasets import scenes
from mmdet_panseg.datasets.scenes import STUFF_CLASSES, THING_CLASSES, SceneSettings, make_scenes, render_scene, writer
from mmdet_panseg.datasets.scenes.coco import scene_records
from mmdet_panseg.datasets.scenes.digits import digit_outline
from mmdet_panseg.datasets.scenes.render import MIN_VISIBLE
from mmdet_panseg.datasets.scenes.shapes import draw_outline, pose_outline
from mmdet_panseg.datasets.scenes.sprites import Sprite, rasterise
from mmdet_panseg.datasets.scenes.textures import sample_tile, texture_tile

SIZE = (160, 128)


def files_of(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob('*') if path.is_file()}


def read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding='utf-8'))


def read_ids(path: Path) -> np.ndarray:
    blue, green, red = np.moveaxis(cv2.imread(str(path)).astype(np.int64), -1, 0)
    return red + 256 * green + 65536 * blue


@pytest.fixture(scope='module')
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('data') / 'scenes'
    assert make_scenes(folder, num_train=60, num_val=10, size=SIZE, seed=3, progress=False)
    return folder


@pytest.fixture(scope='module')
def many() -> list[scenes.Scene]:
    settings = SceneSettings(200, 0, *SIZE)
    return [render_scene(settings, 'train', k) for k in range(200)]


# ---------------------------------------------------------------- determinism


def test_same_arguments_give_the_same_bytes(root, tmp_path):
    make_scenes(tmp_path / 'again', num_train=60, num_val=10, size=SIZE, seed=3, progress=False)
    first, second = files_of(root), files_of(tmp_path / 'again')
    assert len(first) == 2 * 70 + 5
    assert first == second


def test_an_image_does_not_depend_on_the_number_of_images(root, tmp_path):
    make_scenes(tmp_path / 'few', num_train=4, num_val=2, size=SIZE, seed=3, progress=False)
    many_files = files_of(root)
    for name, content in files_of(tmp_path / 'few').items():
        if name.endswith(('.jpg', '.png')):
            assert content == many_files[name], name


def test_seeds_and_splits_differ():
    settings = SceneSettings(1, 1, *SIZE)
    pictures = [
        render_scene(settings, 'train', 0),
        render_scene(settings, 'train', 1),
        render_scene(settings, 'val', 0),
        render_scene(SceneSettings(1, 1, *SIZE, seed=1), 'train', 0),
    ]
    assert len({picture.image.tobytes() for picture in pictures}) == 4


def test_handwriting_of_the_splits_is_disjoint():
    def drawn(split):
        rng = np.random.default_rng(0)
        return {b''.join(c.tobytes() for c in digit_outline(rng, split)) for _ in range(300)}

    train, val = drawn('train'), drawn('val')
    assert len(train) > 200 and len(val) > 100
    assert not train & val


# ---------------------------------------------------------------- files


@pytest.mark.parametrize('split', ['train', 'val'])
def test_instances_panoptic_and_png_agree(root, split):
    coco = COCO(str(root / 'annotations' / f'instances_{split}.json'))
    panoptic = read_json(root / 'annotations' / f'panoptic_{split}.json')
    assert len(panoptic['annotations']) == len(panoptic['images']) == len(coco.imgs)
    assert min(coco.anns) == 1
    for annotation, image in zip(panoptic['annotations'], panoptic['images'], strict=True):
        assert annotation['image_id'] == image['id'] == int(Path(image['file_name']).stem)
        photo = cv2.imread(str(root / 'images' / split / image['file_name']))
        ids = read_ids(root / 'annotations' / f'panoptic_{split}' / annotation['file_name'])
        assert photo.shape[:2] == ids.shape == (image['height'], image['width']) == SIZE[::-1]
        infos = annotation['segments_info']
        assert sorted({info['id'] for info in infos} | {0}) == sorted(set(ids.ravel().tolist()) | {0})
        assert len({info['id'] for info in infos}) == len(infos)
        instances = coco.loadAnns(coco.getAnnIds(imgIds=image['id']))
        things = [info for info in infos if info['category_id'] <= len(THING_CLASSES)]
        assert len(things) == len(instances)
        for info, instance in zip(things, instances, strict=True):
            assert all(info[key] == instance[key] for key in ('category_id', 'area', 'bbox', 'iscrowd'))
            assert np.array_equal(coco.annToMask(instance).astype(bool), ids == info['id'])
            assert isinstance(instance['segmentation']['counts'], str)
        for info in infos:
            rle = mask_utils.encode(np.asfortranarray((ids == info['id']).astype(np.uint8)))
            assert info['area'] == mask_utils.area(rle) >= MIN_VISIBLE
            assert info['bbox'] == mask_utils.toBbox(rle).tolist()


def test_categories_list_things_first_without_gaps(root):
    panoptic = read_json(root / 'annotations' / 'panoptic_train.json')['categories']
    instances = read_json(root / 'annotations' / 'instances_train.json')['categories']
    assert [c['name'] for c in panoptic] == [*THING_CLASSES, *STUFF_CLASSES]
    assert [c['id'] for c in panoptic] == list(range(1, len(panoptic) + 1))
    assert [c['isthing'] for c in panoptic] == [1] * len(THING_CLASSES) + [0] * len(STUFF_CLASSES)
    assert [(c['id'], c['name']) for c in instances] == [(c['id'], c['name']) for c in panoptic if c['isthing']]
    assert len(scenes.PALETTE) == len(set(scenes.PALETTE)) == len(panoptic)


def test_summary_counts_what_the_files_hold(root):
    summary = scenes.summarise_scenes(root, 'train')
    annotations = read_json(root / 'annotations' / 'instances_train.json')['annotations']
    separate = [a for a in annotations if not a['iscrowd']]
    void = [np.mean(read_ids(path) == 0) for path in (root / 'annotations' / 'panoptic_train').iterdir()]
    assert summary.images == len(void) == 60
    assert sum(summary.things.values()) == len(separate)
    assert summary.crowds == len(annotations) - len(separate)
    assert summary.without_things == 60 - len({a['image_id'] for a in separate})
    assert summary.sizes['small'] == pytest.approx(np.mean([a['area'] < 1024 for a in separate]))
    assert sum(summary.sizes.values()) == pytest.approx(1)
    assert summary.void == pytest.approx(np.mean(void))


# ---------------------------------------------------------------- what scenes contain


def instance_records(scene: scenes.Scene) -> list[dict]:
    return scene_records(scene, 0, 1)[0]


def test_cases_that_training_needs_occur(many):
    records = [instance_records(scene) for scene in many]
    separate = [[r for r in found if not r['iscrowd']] for found in records]
    width, height = SIZE
    boxes = np.array([r['bbox'] for found in separate for r in found])
    cut = (boxes[:, :2] == 0).any(1) | (boxes[:, 0] + boxes[:, 2] == width) | (boxes[:, 1] + boxes[:, 3] == height)
    sizes = np.sqrt(boxes[:, 2] * boxes[:, 3])
    assert 2 <= sum(not found for found in separate) <= 24
    assert 4 <= sum(r['iscrowd'] for found in records for r in found) <= 30
    # In scenes as small as these things are large; at the default size two in five are cut.
    assert 0.05 < cut.mean() < 0.6
    assert max(len(found) for found in separate) >= 8
    assert {r['category_id'] for found in separate for r in found} == set(range(1, len(THING_CLASSES) + 1))
    assert np.histogram(sizes, bins=[0, 12, 20, 36, 60, 120])[0].min() >= 10
    void = [(scene.segment_map == 0).mean() for scene in many]
    assert np.count_nonzero(void) >= 4
    assert np.mean(void) < 0.02


def test_things_hide_each_other():
    """Some masks are in several parts although their outline is in one."""
    settings = SceneSettings(40, 0, *SIZE, max_things=12)
    parts = []
    for k in range(40):
        for record in instance_records(render_scene(settings, 'train', k)):
            if not record['iscrowd'] and THING_CLASSES[record['category_id'] - 1] in ('ring', 'disc', 'box', 'ell'):
                mask = mask_utils.decode(record['segmentation'])
                parts.append(cv2.connectedComponents(mask, connectivity=8)[0] - 1)
    assert max(parts) > 1


def test_stuff_lies_in_several_islands(many):
    def has_islands(scene):
        for number, segment in enumerate(scene.segments, start=1):
            if segment.category >= len(THING_CLASSES):
                region = (scene.segment_map == number).astype(np.uint8)
                areas = cv2.connectedComponentsWithStats(region, connectivity=8)[2][1:, cv2.CC_STAT_AREA]
                if np.count_nonzero(areas >= 60) > 1:
                    return True
        return False

    assert np.mean([has_islands(scene) for scene in many]) > 0.4


def test_every_stuff_class_is_common_and_segments_are_numbered(many):
    seen = np.zeros(len(STUFF_CLASSES), int)
    for scene in many:
        numbers = set(np.unique(scene.segment_map).tolist()) - {0}
        assert numbers == set(range(1, len(scene.segments) + 1))
        stuff = [s.category - len(THING_CLASSES) for s in scene.segments if s.category >= len(THING_CLASSES)]
        assert len(stuff) == len(set(stuff))
        seen[stuff] += 1
    assert seen.min() > 0.2 * len(many)


def test_a_thing_looks_different_from_what_is_behind_it(many):
    """The annotation fits the picture: inside a mask the colours differ from those in a band around it."""
    distances = []
    for scene in many[:60]:
        for record in instance_records(scene):
            mask = mask_utils.decode(record['segmentation'])
            band = cv2.dilate(mask, np.ones((9, 9), np.uint8)) - cv2.dilate(mask, np.ones((3, 3), np.uint8))
            inside, around = scene.image[mask > 0].mean(0), scene.image[band > 0].mean(0)
            distances.append(np.linalg.norm(inside - around))
    assert np.mean(np.array(distances) > 25) > 0.9


# ---------------------------------------------------------------- shapes and drawing


def centre_offset(name: str, seed: int) -> float:
    """Distance of the centres of mass and box, in units of the shape's size."""
    rng = np.random.default_rng(seed)
    outline = pose_outline(draw_outline(name, rng, 'train'), rng, 64.0, np.pi)
    mask = rasterise(outline, np.zeros(2))[2] >= 128
    rows, columns = np.nonzero(mask)
    box = np.array([columns.min() + columns.max(), rows.min() + rows.max()]) / 2
    return float(np.linalg.norm(box - [columns.mean(), rows.mean()])) / 64


@pytest.mark.parametrize('name', ['crescent', 'ell', 'triangle', 'digit'])
def test_concave_classes_have_their_mass_off_the_box_centre(name):
    assert np.median([centre_offset(name, seed) for seed in range(20)]) > 0.02


@pytest.mark.parametrize('name', ['disc', 'box', 'ring'])
def test_symmetric_classes_have_their_mass_at_the_box_centre(name):
    assert max(centre_offset(name, seed) for seed in range(20)) < 0.015


@pytest.mark.parametrize('name', THING_CLASSES)
@pytest.mark.parametrize('size', [8.0, 57.0])
def test_outlines_are_scaled_to_their_size(name, size):
    rng = np.random.default_rng(5)
    points = np.concatenate(pose_outline(draw_outline(name, rng, 'val'), rng, size, np.pi))
    extent = points.max(0) - points.min(0)
    assert np.sqrt(extent.prod()) == pytest.approx(size)
    assert np.abs(points.max(0) + points.min(0)).max() < 1e-9


def test_rings_have_a_hole():
    rng = np.random.default_rng(0)
    cover = rasterise(pose_outline(draw_outline('ring', rng, 'train'), rng, 60.0, np.pi), np.zeros(2))[2]
    assert cover[cover.shape[0] // 2, cover.shape[1] // 2] == 0
    assert cover.max() == 255


def test_rasterised_cover_is_the_area_of_each_pixel():
    """Oracle: the exact overlap of a box with every pixel; the drawing may add one of four sub-pixels at each side."""
    rng = np.random.default_rng(2)
    for _ in range(50):
        half, centre = rng.uniform(1.0, 6.0, 2), rng.uniform(-5, 20, 2)
        left, top, cover = rasterise([half * [[-1, -1], [1, -1], [1, 1], [-1, 1]]], centre)

        def overlap(axis, first, count, grown, half=half, centre=centre):
            edges = first + np.arange(count + 1)
            low, high = centre[axis] - half[axis] - grown, centre[axis] + half[axis] + grown
            return np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, 1)

        least, most = (
            np.outer(overlap(1, top, len(cover), grown), overlap(0, left, cover.shape[1], grown))
            for grown in (-0.13, 0.26)
        )
        assert (cover / 255 >= least - 0.01).all()
        assert (cover / 255 <= most + 0.01).all()
        assert not cover[[0, -1]].any() and not cover[:, [0, -1]].any()


def test_windows_of_sprites_over_the_border():
    cover = np.full((6, 4), 255, np.uint8)
    assert Sprite('box', 20, 2, cover, 5).window(10, 20) is None
    assert Sprite('box', -4, 2, cover, 5).window(10, 20) is None
    image, patch = Sprite('box', -1, 7, cover, 5).window(10, 20)
    assert image == (slice(7, 10), slice(0, 3))
    assert patch == (slice(0, 3), slice(1, 4))


@pytest.mark.parametrize('name', ['clouds', 'bricks', 'stripes', 'checks', 'planks'])
def test_tiles_repeat_without_a_seam(name):
    tile = texture_tile(name)
    shift = np.array([[1.0, 0, 200], [0, 1.0, 200]])
    assert np.array_equal(sample_tile(name, (256, 256), shift), np.roll(tile, (-200, -200), axis=(0, 1)))
    steps = np.abs(np.diff(tile.astype(int), axis=1, append=tile[:, :1].astype(int))).mean(0)
    assert steps[-1] <= 1.5 * steps.max(initial=1)


# ---------------------------------------------------------------- sizes and bad input


@pytest.mark.parametrize('size', [(97, 61), (32, 32), (33, 200)])
def test_odd_and_small_sizes(tmp_path, size):
    make_scenes(tmp_path / 'odd', num_train=6, num_val=1, size=size, progress=False)
    assert cv2.imread(str(tmp_path / 'odd/images/train/000005.jpg')).shape == (size[1], size[0], 3)
    for annotation in read_json(tmp_path / 'odd/annotations/panoptic_train.json')['annotations']:
        assert annotation['segments_info']


def test_a_split_may_be_empty(tmp_path):
    make_scenes(tmp_path / 'none', num_train=2, num_val=0, size=(64, 48), progress=False)
    assert read_json(tmp_path / 'none/annotations/instances_val.json')['images'] == []
    assert (tmp_path / 'none/images/val').is_dir()
    summary = scenes.summarise_scenes(tmp_path / 'none', 'val')
    assert summary.images == 0 and summary.void == 0 and sum(summary.sizes.values()) == 0


@pytest.mark.parametrize(
    'changes, word',
    [
        (dict(num_train=-1), 'num_train'),
        (dict(num_val=1.5), 'num_val'),
        (dict(size=(20, 64)), 'width'),
        (dict(seed=-3), 'seed'),
        (dict(min_size=40, size=(64, 48)), 'min_size'),
    ],
)
def test_settings_out_of_range_are_named(tmp_path, changes, word):
    arguments = dict(num_train=1, num_val=1, progress=False) | changes
    with pytest.raises(ValueError, match=word):
        make_scenes(tmp_path / 'bad', **arguments)
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- safe writing

TINY = dict(num_train=2, num_val=1, size=(64, 48), progress=False)


def test_finished_scenes_are_reused_and_others_refused(tmp_path):
    folder = tmp_path / 'scenes'
    assert make_scenes(folder, **TINY)
    picture = folder / 'images/train/000000.jpg'
    before, content = picture.stat().st_mtime_ns, picture.read_bytes()
    assert not make_scenes(folder, **TINY)
    assert picture.stat().st_mtime_ns == before
    with pytest.raises(FileExistsError, match=r'seed=0 there, 9 wanted.*--overwrite'):
        make_scenes(folder, **TINY, seed=9)
    assert picture.read_bytes() == content
    assert make_scenes(folder, **TINY, seed=9, overwrite=True)
    assert picture.read_bytes() != content
    assert [path.name for path in tmp_path.iterdir()] == ['scenes']


def test_overwrite_never_replaces_a_foreign_folder(tmp_path):
    (tmp_path / 'home').mkdir()
    (tmp_path / 'home' / 'letter.txt').write_text('dear')
    with pytest.raises(FileExistsError, match='no data set of scenes'):
        make_scenes(tmp_path / 'home', **TINY, overwrite=True)
    assert (tmp_path / 'home' / 'letter.txt').read_text() == 'dear'


@pytest.mark.parametrize('error', [KeyboardInterrupt, OSError])
def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch, error):
    folder = tmp_path / 'scenes'
    make_scenes(folder, **TINY)
    before = files_of(tmp_path)

    def render_until_stopped(settings, split, index):
        if split == 'val':
            raise error('stopped')
        return render_scene(settings, split, index)

    monkeypatch.setattr(writer, 'render_scene', render_until_stopped)
    with pytest.raises(error, match='stopped'):
        make_scenes(tmp_path / 'other', **TINY)
    with pytest.raises(error, match='stopped'):
        make_scenes(folder, **TINY, seed=1, overwrite=True)
    assert files_of(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ['scenes']


@pytest.fixture
def run_tool(repository, monkeypatch, capsys):
    """Run the command in this process, because importing mmdet anew takes longer than all tests of this file."""
    handler, threads = signal.getsignal(signal.SIGTERM), cv2.getNumThreads()

    def run(*arguments: str) -> str:
        tool = repository / 'tools' / 'dataset_tools' / 'make_scenes.py'
        monkeypatch.setattr(sys, 'argv', [str(tool), *arguments])
        runpy.run_path(str(tool), run_name='__main__')
        return capsys.readouterr().out

    yield run
    signal.signal(signal.SIGTERM, handler)
    cv2.setNumThreads(threads)


def test_command_line(run_tool, tmp_path):
    arguments = ['--root', str(tmp_path / 's'), '--num-train', '3', '--num-val', '1', '--width', '64', '--height', '48']
    output = run_tool(*arguments)
    assert 'made' in output and 'crescent' in output and 'images without things' in output
    assert 'already there' in run_tool(*arguments)
    with pytest.raises(SystemExit, match='--overwrite'):
        run_tool(*arguments, '--seed', '4')
    assert 'made' in run_tool(*arguments, '--seed', '4', '--overwrite')
