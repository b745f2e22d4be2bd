"""Kinds of image files are loaded as a viewer shows them, or named."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmdet_panseg.apis.new_config.image_kinds import look_at_images
from mmdet_panseg.datasets.images import LoadCheckedImage
from mmdet_panseg.errors import UserError

COLOURS = [(230, 40, 30), (30, 200, 60), (20, 50, 220), (128, 128, 128)]


def picture():
    """Four patches of colour."""
    pixels = np.zeros((32, 64, 3), np.uint8)
    for place, colour in enumerate(COLOURS):
        pixels[:, 16 * place : 16 * (place + 1)] = colour
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    ('mode', 'suffix', 'note'),
    [
        ('RGB', 'png', None),
        ('RGBA', 'png', 'RGB with alpha: their alpha channel is not seen'),
        ('CMYK', 'jpg', 'CMYK'),
        ('P', 'png', 'palette'),
    ],
)
def test_colours_are_those_that_are_shown(tmp_path, mode, suffix, note):
    path = tmp_path / f'x.{suffix}'
    picture().convert(mode).save(path)
    notes = look_at_images([path]).notes
    assert (note is None and not notes) or (len(notes) == 1 and note in notes[0])
    loaded = LoadCheckedImage().transform(dict(img_path=str(path)))['img'][..., ::-1].astype(int)
    for place, colour in enumerate(COLOURS):
        np.testing.assert_allclose(loaded[16, 16 * place + 8], colour, atol=40)


@pytest.mark.parametrize('mode', ['L', '1', 'LA'])
def test_grey_becomes_three_equal_channels(tmp_path, mode):
    path = tmp_path / 'x.png'
    Image.fromarray(np.tile(np.linspace(0, 255, 64).astype(np.uint8), (32, 1))).convert(mode).save(path)
    look_at_images([path])
    loaded = LoadCheckedImage().transform(dict(img_path=str(path)))['img']
    assert loaded.shape == (32, 64, 3) and (loaded == loaded[..., :1]).all() and loaded.max() > 200


def test_exif_turns_are_counted(tmp_path):
    image = picture()
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / 'x.jpg', exif=exif)
    image.save(tmp_path / 'y.jpg')
    (note,) = look_at_images([tmp_path / 'x.jpg', tmp_path / 'y.jpg']).notes
    assert note.startswith('1 images are turned by their EXIF data')


@pytest.mark.parametrize(('highest', 'bits'), [(4095, 12), (1000, 10), (60000, None), (200, 8)])
def test_unused_bits_are_found(tmp_path, highest, bits):
    pixels = np.linspace(0, highest, 32 * 64).reshape(32, 64).astype(np.uint16)
    Image.fromarray(pixels).save(tmp_path / 'x.png')
    assert look_at_images([tmp_path / 'x.png']).bit_depth == bits


def test_broken_files_are_counted_and_named(tmp_path):
    paths = [tmp_path / f'{k}.png' for k in range(5)]
    for path in paths:
        path.write_bytes(b'no image')
    with pytest.raises(UserError, match=r'5 images cannot be opened: .*0.png.*\.\.\.'):
        look_at_images(paths)


def test_a_kind_that_does_not_load_is_named(tmp_path):
    """Floating-point TIFF of one channel has no colours to show."""
    path = tmp_path / 'x.png'
    picture().save(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r'1 images are of a kind .*x.png'):
        look_at_images([path])
