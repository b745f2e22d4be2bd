"""``panseg check``: print versions, devices and whether mmcv's ops load."""

from __future__ import annotations

import argparse

from mmdet_panseg.environment import environment_report


def build_parser() -> argparse.ArgumentParser:
    """Define the arguments of this command."""
    return argparse.ArgumentParser(
        description="Print versions, devices and whether mmcv's ops load: the text for a bug report."
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the report, one line a title."""
    report = environment_report()
    width = max(map(len, report))
    for title, text in report.items():
        print(f'{title:{width}}  {text}')
