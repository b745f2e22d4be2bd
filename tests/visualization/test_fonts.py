from __future__ import annotations

import shutil
from pathlib import Path

import matplotlib
import pytest
from fontTools.ttLib import TTFont

from mmdet_panseg.visualization import fonts
from mmdet_panseg.visualization.fonts import load_font

FOLDER = Path(matplotlib.get_data_path(), 'fonts', 'ttf')
CHINESE = '汽车'


def characters(name):
    with TTFont(FOLDER / name) as font:
        return {chr(code) for code in font.getBestCmap()}


@pytest.fixture(autouse=True)
def fresh_search():
    fonts._system_font.cache_clear()
    yield
    fonts._system_font.cache_clear()


def test_latin_greek_and_cyrillic_need_no_font_of_the_system(monkeypatch):
    monkeypatch.setattr(fonts, 'findSystemFonts', lambda: pytest.fail('searched'))
    assert load_font('Straße, дорога, δρόμος 0.97 …', 14).getname()[0] == 'DejaVu Sans'


def test_other_characters_take_a_font_that_has_them(monkeypatch, tmp_path, log):
    lacking = sorted(characters('STIXGeneral.ttf') - characters('DejaVuSans.ttf'))[-1]
    shutil.copy(FOLDER / 'STIXGeneral.ttf', tmp_path)
    (tmp_path / 'damaged-sans.ttf').write_bytes(b'no font')
    monkeypatch.setattr(fonts, 'findSystemFonts', lambda: [str(path) for path in tmp_path.iterdir()])
    assert load_font(f'cat {lacking}', 14).getname()[0] == 'STIXGeneral'
    assert load_font('cat', 14).getname()[0] == 'DejaVu Sans'
    assert not log.messages


def test_characters_without_a_font_are_named_once(monkeypatch, log):
    monkeypatch.setattr(fonts, 'findSystemFonts', lambda: [str(FOLDER / 'DejaVuSans.ttf')])
    for _ in range(3):
        assert load_font(f'{CHINESE} 0.5', 14).getname()[0] == 'DejaVu Sans'
    (warning,) = log.messages
    assert '汽' in warning and 'fonts-noto-cjk' in warning
