from __future__ import annotations

import pytest

from foreign_data import truth, write_labelme
from mmdet_panseg.cli.new import build_parser, run


def test_prints_what_was_chosen_and_what_comes_next(tmp_path, capsys):
    write_labelme(tmp_path / 'data', truth(5))
    arguments = [str(tmp_path / 'data'), '--out', str(tmp_path / 'c.py'), '--device', 'cpu', '--seed', '3']
    run(build_parser().parse_args(arguments))
    printed = capsys.readouterr().out
    for part in ('LabelMe: 4 train, 1 val images', 'seed 3', 'scale ranges', 'panseg train'):
        assert part in printed
    assert (tmp_path / 'c.py').is_file()


def test_data_and_config_are_needed(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(['data'])
    assert '--out' in capsys.readouterr().err
