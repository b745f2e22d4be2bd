from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from label_cases import write_pair
from mmdet_panseg.datasets.conversion.label_files import pair_files, read_label_map
from mmdet_panseg.datasets.errors import AnnotationFileError, BrokenImageError, MissingDataError


def folders(root):
    return root / 'images' / 'train', root / 'labels' / 'train'


def test_pairs_are_found_in_folders_below_and_in_order(tmp_path):
    for name, suffix in (('b/two', '.JPG'), ('a/one', '.jpeg'), ('three.x', '.png')):
        write_pair(tmp_path, 'train', name, np.zeros((5, 7)), suffix)
    images, maps = folders(tmp_path)
    (images / '._three.x.jpg').write_bytes(b'what a Mac leaves behind')
    (images / 'notes.md').write_text('no image')
    pairs = pair_files(images, maps)
    assert [pair.name for pair in pairs] == ['a/one.jpeg', 'b/two.JPG', 'three.x.png']
    assert all((pair.width, pair.height) == (7, 5) for pair in pairs)
    assert [pair.label_map.relative_to(maps).as_posix() for pair in pairs] == ['a/one.png', 'b/two.png', 'three.x.png']


def test_suffixes_tell_files_in_one_folder_apart(tmp_path):
    for name in ('a', 'b'):
        image, label_map = write_pair(tmp_path, 'train', name, np.zeros((4, 4)), '_leftImg8bit.png')
        label_map.rename(image.parent / f'{name}_labelIds.png')
        Image.new('RGB', (4, 4)).save(image.parent / f'{name}_color.png')
    folder = tmp_path / 'images' / 'train'
    pairs = pair_files(folder, folder, '_leftImg8bit.png', '_labelIds.png')
    assert [(pair.name, pair.label_map.name) for pair in pairs] == [
        ('a_leftImg8bit.png', 'a_labelIds.png'),
        ('b_leftImg8bit.png', 'b_labelIds.png'),
    ]


def test_missing_counterparts_and_empty_folders_are_named(tmp_path):
    images, maps = folders(tmp_path)
    with pytest.raises(MissingDataError, match='does not exist'):
        pair_files(images, maps)
    images.mkdir(parents=True)
    with pytest.raises(MissingDataError, match='has no file that ends in .jpg'):
        pair_files(images, maps)
    _, label_map = write_pair(tmp_path, 'train', 'one', np.zeros((4, 4)))
    image, _ = write_pair(tmp_path, 'train', 'two', np.zeros((4, 4)))
    image.unlink()
    with pytest.raises(MissingDataError, match=r'1 files have no image .*two\.png'):
        pair_files(images, maps)
    (maps / 'two.png').unlink()
    label_map.unlink()
    with pytest.raises(MissingDataError, match='folder of label maps'):
        pair_files(images, maps)
    write_pair(tmp_path, 'train', 'three', np.zeros((4, 4)))
    with pytest.raises(MissingDataError, match=r'1 files have no label map .*one\.jpg'):
        pair_files(images, maps)


def test_names_that_clash_are_named(tmp_path):
    image, _ = write_pair(tmp_path, 'train', 'one', np.zeros((4, 4)))
    Image.new('RGB', (4, 4)).save(image.with_suffix('.png'))
    with pytest.raises(AnnotationFileError, match=r'share a name: .*one\.jpg.*one\.png.*--image-suffix'):
        pair_files(*folders(tmp_path))
    assert len(pair_files(*folders(tmp_path), image_suffix='.jpg')) == 1


def test_sizes_that_differ_are_named(tmp_path):
    image, label_map = write_pair(tmp_path, 'train', 'one', np.zeros((4, 6)))
    Image.new('RGB', (4, 6)).save(image)
    with pytest.raises(AnnotationFileError, match=r'one\.png.* has 6x4 pixels, its image .*one\.jpg. 4x6'):
        pair_files(*folders(tmp_path))
    exif = Image.Exif()
    exif[274] = 6  # to be turned by a quarter
    Image.new('RGB', (4, 6)).save(image, exif=exif)
    assert [(pair.width, pair.height) for pair in pair_files(*folders(tmp_path))] == [(6, 4)]


def sixteen_bits(path):
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(path)


def four_bits_of_grey(path):
    sixteen_bits(path)
    content = bytearray(path.read_bytes())
    content[24] = 4
    path.write_bytes(content)


@pytest.mark.parametrize(
    'spoil, text',
    [
        (sixteen_bits, 'greyscale with 16 bits'),
        (four_bits_of_grey, 'greyscale with 4 bits'),
        (lambda path: Image.new('RGB', (4, 4)).save(path), 'RGB with 8 bits'),
        (lambda path: Image.new('LA', (4, 4)).save(path), 'greyscale with alpha'),
        (lambda path: Image.new('L', (4, 4)).save(path, format='JPEG'), 'no PNG'),
        (lambda path: path.write_bytes(b''), 'no PNG'),
    ],
)
def test_label_maps_of_other_formats_are_named(tmp_path, spoil, text):
    _, label_map = write_pair(tmp_path, 'train', 'one', np.zeros((4, 4)))
    spoil(label_map)
    with pytest.raises(AnnotationFileError, match=rf'one\.png.*{text}'):
        pair_files(*folders(tmp_path))


def test_images_that_cannot_be_opened_are_named(tmp_path):
    image, _ = write_pair(tmp_path, 'train', 'one', np.zeros((4, 4)))
    image.write_bytes(b'no image')
    with pytest.raises(BrokenImageError, match=r'one\.jpg'):
        pair_files(*folders(tmp_path))


@pytest.mark.parametrize('bits', [1, 2, 4, 8])
def test_palette_and_grey_pictures_give_their_labels(tmp_path, bits):
    labels = (np.arange(35).reshape(5, 7) % 2**bits).astype(np.uint8)
    picture = Image.fromarray(labels)
    picture.save(tmp_path / 'grey.png')
    picture.putpalette(bytes(range(3)) * 2**bits)
    picture.save(tmp_path / 'palette.png', bits=bits)
    assert (tmp_path / 'palette.png').read_bytes()[24] == bits
    for name in ('grey.png', 'palette.png'):
        assert (read_label_map(tmp_path / name, range(36)) == labels).all()


def test_labels_without_class_and_damaged_maps_are_named(tmp_path):
    _, label_map = write_pair(tmp_path, 'train', 'one', [[0, 1, 9], [9, 9, 200]])
    with pytest.raises(AnnotationFileError, match=r'one\.png.*9 \(3 pixels\), 200 \(1 pixels\).*--void'):
        read_label_map(label_map, {0, 1})
    label_map.write_bytes(label_map.read_bytes()[:-30])
    with pytest.raises(BrokenImageError, match=r'one\.png'):
        read_label_map(label_map, range(256))
