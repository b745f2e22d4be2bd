from __future__ import annotations

import os

import cv2
import numpy as np
import pytest
from PIL import Image

from inference_cases import photograph, write_photographs
from mmdet_panseg.apis.inference.errors import SourceError
from mmdet_panseg.apis.inference.sources import open_source

SIZE = (60, 80)


def smooth():
    """A picture that survives JPEG: each corner has its own colour, RGB."""
    corners = np.uint8([[[200, 40, 40], [40, 200, 40]], [[40, 40, 200], [210, 210, 60]]])
    return cv2.resize(corners, SIZE[::-1], interpolation=cv2.INTER_LINEAR)


def only(source):
    (image,) = open_source(source)
    return image


def distance(image, rgb):
    assert image.pixels.dtype == np.uint8 and image.pixels.shape == rgb.shape
    return np.abs(image.rgb().astype(int) - rgb.astype(int)).mean()


def test_names_are_relative_to_what_was_named(tmp_path):
    write_photographs(tmp_path, ['b.png', 'a/c.jpg', 'a/d.png', '.hidden.png', '.cache/e.png'])
    (tmp_path / 'notes.txt').write_text('')
    assert [image.name for image in open_source(tmp_path)] == ['b.png', 'a/c.jpg', 'a/d.png']
    assert len(open_source(tmp_path)) == 3
    assert [image.name for image in open_source(f'{tmp_path}/a/*.png')] == ['d.png']
    assert [image.name for image in open_source(f'{tmp_path}/**/*.png')] == ['a/d.png', 'b.png']
    assert only(tmp_path / 'a' / 'c.jpg').name == 'c.jpg'
    listed = [tmp_path / 'b.png', str(tmp_path / 'a' / 'd.png')]
    assert [image.name for image in open_source(listed)] == ['b.png', 'a/d.png']
    arrays = [photograph(0), photograph(1)]
    assert [image.name for image in open_source(arrays)] == ['image_0000', 'image_0001']


def test_a_file_whose_name_is_a_number_or_a_pattern_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_photographs(tmp_path, ['a[1].png'])
    os.rename('a[1].png', '7')
    assert only('7').name == '7'
    write_photographs(tmp_path, ['a[1].png'])
    assert only('a[1].png').name == 'a[1].png'


def test_colours_of_all_kinds_of_files(tmp_path):
    rgb = smooth()
    picture = Image.fromarray(rgb)
    opaque = np.dstack([rgb, np.full(SIZE, 255, np.uint8)])
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    as_grey = np.repeat(grey[..., None], 3, axis=2)
    picture.save(tmp_path / 'plain.png')
    picture.save(tmp_path / 'plain.jpg', quality=95)
    picture.save(tmp_path / 'plain.webp', quality=95)
    picture.convert('CMYK').save(tmp_path / 'cmyk.jpg', quality=95)
    picture.convert('CMYK').save(tmp_path / 'cmyk.tif')
    picture.quantize(256).save(tmp_path / 'palette.png')
    picture.quantize(256).save(tmp_path / 'palette.gif')
    Image.fromarray(opaque, 'RGBA').save(tmp_path / 'opacity.png')
    Image.fromarray(grey).save(tmp_path / 'grey.png')
    Image.fromarray(grey).save(tmp_path / 'grey.jpg', quality=95)
    cv2.imwrite(str(tmp_path / 'deep.png'), rgb[..., ::-1].astype(np.uint16) * 257)
    cv2.imwrite(str(tmp_path / 'deep.tif'), rgb[..., ::-1].astype(np.uint16) * 257)
    cv2.imwrite(str(tmp_path / 'deep_grey.png'), grey.astype(np.uint16) * 257)
    seen = {image.name: image for image in open_source(tmp_path)}
    assert len(seen) == 13
    for name, image in seen.items():
        expected = as_grey if 'grey' in name else rgb
        # Printing inks are turned to light by a formula of the decoder; palettes have 256 colours.
        assert distance(image, expected) < (12 if 'cmyk' in name else 6), name


@pytest.mark.parametrize('orientation', range(1, 9))
def test_cameras_that_were_turned(tmp_path, orientation):
    turn = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: np.rot90(p.transpose(1, 0, 2), 2),
        8: lambda p: np.rot90(p, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(turn(smooth())))
    stored.save(tmp_path / 'a.jpg', quality=95, exif=exif)
    assert distance(only(tmp_path / 'a.jpg'), smooth()) < 4


def test_arrays_of_all_kinds():
    bgr = photograph()
    assert np.array_equal(only(bgr).pixels, bgr)
    assert np.array_equal(only(np.dstack([bgr, bgr[..., 0]])).pixels, bgr)
    for grey in (bgr[..., 0], bgr[..., :1]):
        assert np.array_equal(only(grey).pixels, np.repeat(bgr[..., :1], 3, axis=2))
    assert only(bgr[:, ::-1]).pixels.flags.c_contiguous


def test_faults_are_named(tmp_path):
    write_photographs(tmp_path, ['holiday.png'])
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'films').mkdir()
    (tmp_path / 'films' / 'a.mp4').write_text('')
    for source, message in (
        ('http://example.com/a.jpg', 'is an address; nothing is downloaded'),
        ('rtsp://camera/1', 'is an address'),
        (tmp_path / 'holidays.png', 'no such file or folder. Near it: holiday.png'),
        (tmp_path / 'gone' / 'a.png', 'The folder .*gone does not exist'),
        (f'{tmp_path}/*.bmp', 'no image has such a name'),
        (tmp_path / 'empty', 'has no images'),
        (tmp_path / 'films', r'It has videos \(a.mp4\): name one of them'),
        ([], 'the list of images is empty'),
        ([tmp_path / 'holiday.png', tmp_path / 'gone.png'], '1 of 2 images are no files: .*gone.png'),
        ([photograph(), 'a.png'], 'paths alone, or arrays alone'),
        (photograph().astype(float), 'uint8, from 0 to 255'),
        (np.zeros((2, 5, 5, 3), np.uint8), r'shape \(2, 5, 5, 3\) is no image'),
        (np.zeros((0, 5, 3), np.uint8), 'is no image'),
        (None, 'NoneType is no source'),
    ):
        with pytest.raises(SourceError, match=message):
            open_source(source)


def test_broken_files_are_named(tmp_path):
    write_photographs(tmp_path, ['good.jpg', 'cut.jpg', 'cut.png'])
    for name in ('cut.jpg', 'cut.png'):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
    (tmp_path / 'empty.png').write_bytes(b'')
    (tmp_path / 'floats.tif').write_bytes(b'II*\0 no tiff')
    source = open_source(tmp_path)
    assert [image.name for image in source] == ['good.jpg']
    told = sorted(fault.split("'")[1].rsplit('/', 1)[1] for fault in source.left_out)
    assert told == ['cut.jpg', 'cut.png', 'empty.png', 'floats.tif']
    (tmp_path / 'good.jpg').unlink()
    with pytest.raises(SourceError, match='none of the 4 images in .* can be read'):
        list(open_source(tmp_path))
