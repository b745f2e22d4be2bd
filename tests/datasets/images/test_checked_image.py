from __future__ import annotations

import os

import cv2
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmengine.logging import MMLogger
from PIL import Image
from torch.utils.data import DataLoader

from mmdet_panseg.datasets.coco.checked_coco import CheckedCocoDataset
from mmdet_panseg.datasets.errors import BrokenImageError, DatasetError
from mmdet_panseg.datasets.images.checked_image import LoadCheckedImage
from mmdet_panseg.datasets.images.image_integrity import missing_end_marker
from mmdet_panseg.errors import ConfigError

HEIGHT, WIDTH = 24, 40


def sample(path, height=HEIGHT, width=WIDTH) -> dict:
    return {'img_path': str(path), 'height': height, 'width': width}


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def everything(loader: DataLoader) -> list:
    """All that a loader gives; its error leaves without the frames that keep the workers waiting."""
    try:
        return list(loader)
    except DatasetError as error:
        raise error.with_traceback(None) from None


def only_path(data: dict) -> str:
    return data['img_path']


@pytest.mark.parametrize('to_float32', [False, True])
@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.bmp', '.webp'])
def test_good_images_load_as_in_mmcv(tmp_path, suffix, to_float32):
    path = tmp_path / f'photo{suffix}'
    cv2.imwrite(str(path), picture())
    loaded = LoadCheckedImage(to_float32=to_float32)(sample(path))
    np.testing.assert_array_equal(loaded['img'], cv2.imread(str(path)))
    assert loaded['img'].dtype == (np.float32 if to_float32 else np.uint8)
    assert loaded['img_shape'] == loaded['ori_shape'] == (HEIGHT, WIDTH)


@pytest.mark.parametrize('options', [{}, {'progressive': True}, {'exif': True}])
def test_every_truncation_of_a_jpeg_is_found(tmp_path, options):
    path = tmp_path / 'photo.jpg'
    arguments = dict(options)
    if arguments.pop('exif', False):
        # An embedded thumbnail has an end marker of its own.
        thumbnail = b'\xff\xd8 thumbnail \xff\xd9'
        exif = Image.Exif()
        exif[0x9286] = thumbnail
        arguments['exif'] = exif.tobytes()
    Image.fromarray(picture()).save(path, **arguments)
    content = path.read_bytes()
    assert content.count(b'\xff\xd9') == (2 if 'exif' in options else 1)
    assert missing_end_marker(content) is None
    assert missing_end_marker(content + b'\x00' * 5000 + b'appended') is None
    for length in range(2, len(content)):
        assert missing_end_marker(content[:length]) == 'JPEG end marker FFD9', length


def test_truncation_of_a_png_is_found():
    content = cv2.imencode('.png', picture())[1].tobytes()
    assert missing_end_marker(content) is None
    assert missing_end_marker(content + b'appended') is None
    for length in range(8, len(content)):
        assert missing_end_marker(content[:length]) == 'PNG end chunk IEND'


def test_other_formats_are_left_to_the_decoder():
    assert missing_end_marker(b'') is None
    assert missing_end_marker(b'BM and so on') is None


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_truncated_file(tmp_path, suffix):
    path = tmp_path / f'photo{suffix}'
    content = cv2.imencode(suffix, picture())[1].tobytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(BrokenImageError, match=f'photo{suffix}. is truncated.*download it again') as caught:
        LoadCheckedImage()(sample(path))
    assert caught.value.reason == 'truncated'


@pytest.mark.parametrize('backend', ['cv2', 'pillow'])
@pytest.mark.parametrize(('content', 'words'), [(b'', 'is empty'), (b'<html></html>', 'does not decode')])
def test_file_that_is_no_image(tmp_path, backend, content, words):
    path = tmp_path / 'photo.jpg'
    path.write_bytes(content)
    with pytest.raises(BrokenImageError, match=f'photo.jpg. {words}') as caught:
        LoadCheckedImage(imdecode_backend=backend)(sample(path))
    assert caught.value.reason == 'undecodable'


def test_ignore_empty_gives_none(tmp_path):
    path = tmp_path / 'photo.jpg'
    path.write_bytes(b'no image')
    assert LoadCheckedImage(ignore_empty=True)(sample(path)) is None


def test_size_that_differs(tmp_path):
    path = tmp_path / 'photo.png'
    cv2.imwrite(str(path), picture())
    with pytest.raises(BrokenImageError) as caught:
        LoadCheckedImage()(sample(path, 30, 50))
    assert 'photo.png' in str(caught.value) and '50x30' in str(caught.value) and '40x24' in str(caught.value)
    assert 'EXIF' not in str(caught.value) and caught.value.reason == 'wrong size'


def test_rotation_of_exif(tmp_path):
    path = tmp_path / 'photo.jpg'
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture()).save(path, exif=exif.tobytes())
    assert LoadCheckedImage()(sample(path, WIDTH, HEIGHT))['img_shape'] == (WIDTH, HEIGHT)
    unrotated = LoadCheckedImage(color_type='color_ignore_orientation')
    assert unrotated(sample(path))['img_shape'] == (HEIGHT, WIDTH)
    with pytest.raises(BrokenImageError, match="40x24.*24x40.*'color' applies the EXIF rotation"):
        LoadCheckedImage()(sample(path))
    with pytest.raises(BrokenImageError, match="'color_ignore_orientation' ignores the EXIF rotation"):
        unrotated(sample(path, WIDTH, HEIGHT))


def test_missing_size_is_not_checked(tmp_path):
    path = tmp_path / 'photo.png'
    cv2.imwrite(str(path), picture())
    assert LoadCheckedImage()({'img_path': str(path)})['img_shape'] == (HEIGHT, WIDTH)


def truncate(path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def training_set(coco_folder, **changes) -> CheckedCocoDataset:
    return CheckedCocoDataset(**coco_folder.arguments(pipeline=[LoadCheckedImage(), only_path], **changes))


@pytest.mark.parametrize('workers', [0, 2])
def test_training_takes_another_image_and_remembers(coco_folder, workers):
    truncate(coco_folder.image('photo1.jpg'))
    coco_folder.content['images'][2]['height'] = 25
    dataset = training_set(coco_folder)
    loader = DataLoader(dataset, batch_size=None, num_workers=workers)
    for _ in range(2):
        assert [path.rsplit('/', 1)[1] for path in loader] == ['photo2.jpg'] * 3
    assert dataset.skipped.faults() == {0: ('truncated', 'img_path'), 2: ('wrong size', 'img_path')}
    assert len(dataset.skipped) == 2


def test_the_first_unusable_image_is_named_at_once(coco_folder, log):
    truncate(coco_folder.image('photo1.jpg'))
    truncate(coco_folder.image('photo3.jpg'))
    dataset = training_set(coco_folder)
    for _ in range(2):
        assert dataset[0].endswith('photo2.jpg') and dataset[2].endswith('photo2.jpg')
    assert log.text.count('Training goes on') == 1
    assert 'photo1.jpg' in log.text and 'truncated' in log.text and 'photo3.jpg' not in log.text


@pytest.mark.parametrize('size', [(1, 4000), (4000, 1), (2, 501)])
def test_images_too_thin_to_resize(coco_folder, size):
    height, width = size
    cv2.imwrite(str(coco_folder.image('photo1.png')), np.zeros((*size, 3), np.uint8))
    coco_folder.content['images'][0].update(file_name='photo1.png', height=height, width=width)
    dataset = training_set(coco_folder)
    assert dataset[0].endswith(('photo2.jpg', 'photo3.jpg'))
    assert dataset.skipped.faults() == {0: ('too thin', 'img_path')}
    with pytest.raises(BrokenImageError, match=rf"photo1\.png': {width}x{height} is too thin"):
        training_set(coco_folder, test_mode=True)[0]


def test_thin_images_that_can_be_resized(tmp_path):
    path = tmp_path / 'photo.png'
    cv2.imwrite(str(path), np.zeros((2, 500), np.uint8))
    assert LoadCheckedImage()(sample(path, 2, 500))['img_shape'] == (2, 500)


@pytest.mark.parametrize('workers', [0, 2])
def test_no_usable_image_is_one_error(coco_folder, workers):
    for name in ('photo1.jpg', 'photo2.jpg', 'photo3.jpg'):
        truncate(coco_folder.image(name))
    loader = DataLoader(training_set(coco_folder), batch_size=None, num_workers=workers)
    with pytest.raises(DatasetError, match=r'None of the 3 images of .*objects\.json. can be used.*photo'):
        everything(loader)
    with pytest.raises(DatasetError, match='None of the 3 images'):
        everything(loader)


def test_test_mode_stops_and_names_the_file(coco_folder):
    truncate(coco_folder.image('photo1.jpg'))
    dataset = training_set(coco_folder, test_mode=True)
    assert dataset[1].endswith('photo2.jpg')
    with pytest.raises(BrokenImageError, match=r'photo1\.jpg. is truncated'):
        dataset[0]
    with pytest.raises(BrokenImageError, match=r'photo1\.jpg. is truncated'):
        everything(DataLoader(dataset, batch_size=None, num_workers=1))


def test_samples_dropped_by_other_transforms_are_no_fault_of_the_file(coco_folder):
    dataset = CheckedCocoDataset(
        **coco_folder.arguments(pipeline=[LoadCheckedImage(), lambda data: data if data['instances'] else None])
    )
    assert dataset[2]['img_id'] in (1, 2)
    assert len(dataset.skipped) == 0


def test_subsets_count_for_themselves(coco_folder):
    truncate(coco_folder.image('photo1.jpg'))
    dataset = training_set(coco_folder)
    assert dataset[0] and len(dataset.skipped) == 1
    subset = dataset.get_subset([1, 2])
    assert len(subset.skipped.codes) == 2 and len(subset.skipped) == 0
    dataset.get_subset_([0, 1])
    assert dataset[0].endswith('photo2.jpg') and dataset.skipped.faults() == {0: ('truncated', 'img_path')}


@pytest.mark.skipif(os.geteuid() == 0, reason='root reads files without permission')
def test_file_without_permission(tmp_path):
    path = tmp_path / 'photo.png'
    cv2.imwrite(str(path), picture())
    path.chmod(0)
    with pytest.raises(BrokenImageError, match=r'photo\.png. cannot be read \(Permission denied\)') as caught:
        LoadCheckedImage()(sample(path))
    assert caught.value.reason == 'unreadable'


def test_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(BrokenImageError, match=r'cannot be read \(Is a directory\)') as caught:
        LoadCheckedImage()(sample(tmp_path))
    assert caught.value.reason == 'unreadable'


@pytest.mark.parametrize('suffix', ['.png', '.tiff'])
def test_sixteen_bits(tmp_path, suffix, caplog):
    MMLogger.get_instance(f'sixteen{suffix}').addHandler(caplog.handler)
    path = tmp_path / f'photo{suffix}'
    deep = np.arange(24 * 40 * 3, dtype=np.uint16).reshape(24, 40, 3) * 22
    cv2.imwrite(str(path), deep)
    # OpenCV rounds TIFF to eight bits and cuts PNG.
    expected = LoadImageFromFile()(sample(path))['img'].astype(int)
    assert np.abs(LoadCheckedImage()(sample(path))['img'] - expected).max() <= (suffix == '.tiff')
    assert not caplog.records
    cv2.imwrite(str(path), deep // 16)
    load = LoadCheckedImage()
    for _ in range(2):
        assert load(sample(path))['img'].max() <= 15
    assert len(caplog.records) == 1 and 'set bit_depth=12' in caplog.text and path.name in caplog.text
    assert np.abs(LoadCheckedImage(bit_depth=12)(sample(path))['img'] - expected).max() <= (suffix == '.tiff')
    assert len(caplog.records) == 1


def test_values_above_the_bits_in_use_are_white(tmp_path):
    path = tmp_path / 'photo.png'
    cv2.imwrite(str(path), np.full((24, 40), 5000, np.uint16))
    assert (LoadCheckedImage(bit_depth=12)(sample(path))['img'] == 255).all()


@pytest.mark.parametrize('depth', [7, 17, 0])
def test_impossible_bit_depth(depth):
    with pytest.raises(ConfigError, match='from 8 to 16'):
        LoadCheckedImage(bit_depth=depth)
