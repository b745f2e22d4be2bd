"""Checks, plans, trains and compares a folder of configs that each change one thing; see ``--help``."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from mmengine.config import DictAction

REPOSITORY = Path(__file__).resolve().parents[2]


def build_parser() -> argparse.ArgumentParser:
    """The arguments of this command."""
    parser = argparse.ArgumentParser(
        description='A ladder of experiments: each config inherits its parent and states one change.'
    )
    parser.add_argument('folder', help='folder with one config for each rung, such as configs/solo/ladder')
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument('--check', action='store_true', help='look for mistakes in the configs; exit code 2 if any')
    action.add_argument('--plan', action='store_true', help='print the tree of rungs with their commands')
    action.add_argument(
        '--effects', action='store_true', help='print what each change does to the losses of equal weights and images'
    )
    action.add_argument('--run', action='store_true', help='train and test what is missing; can be interrupted')
    action.add_argument('--table', action='store_true', help='compare the finished runs: Markdown, CSV and a picture')
    parser.add_argument('--gpus', type=int, default=8, help='--plan: processes in the commands (default: 8)')
    parser.add_argument(
        '--data',
        choices=('scenes', 'own'),
        default='scenes',
        help='--run, --effects: embedded scenes, or the data of the configs',
    )
    parser.add_argument('--seeds', type=int, default=1, help='--run: trainings of each rung (default: 1)')
    parser.add_argument('--jobs', type=int, default=1, help='--run: trainings at a time (default: 1)')
    parser.add_argument('--max-iters', type=int, help="--run: iterations of the root's training; others in proportion")
    parser.add_argument('--amp', action='store_true', help='--run: mixed precision, as in train.py')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='--run, --effects: override settings in all configs',
    )
    parser.add_argument(
        '--only',
        nargs='+',
        metavar='RUNG',
        help='--run, --effects: these rungs, and those whose weights they need; --table: their rows',
    )
    parser.add_argument(
        '--work-dir', help='folder of the runs (default: work_dirs/ladder/<its last two folders>_<data>)'
    )
    parser.add_argument('--metric', help="--table: which of the ladder's metrics to compare by (default: its first)")
    parser.add_argument('--out', help='--table: folder for the files (default: that of the runs)')
    return parser


def main() -> None:
    """Read the command line and do what it asks for."""
    if find_spec('mmdet_panseg') is None:  # not installed: use the package beside this folder
        sys.path.insert(0, str(REPOSITORY))
    import mmdet_panseg  # noqa: F401, registers its parts also for configs that do not import it
    from mmdet_panseg.engine import run_command

    parser = build_parser()
    arguments = parser.parse_args()
    for name in ('gpus', 'seeds', 'jobs', 'max_iters'):
        if getattr(arguments, name) is not None and getattr(arguments, name) < 1:
            parser.error(f'--{name.replace("_", "-")} must be at least 1')
    if arguments.only and (arguments.check or arguments.plan):
        parser.error('--only is for --run, --effects and --table')
    run_command(lambda: run_ladder(arguments))


def run_ladder(arguments: argparse.Namespace) -> None:
    """Do what the arguments of :func:`build_parser` ask for."""
    from mmdet_panseg import ladder as apis

    ladder = apis.read_ladder(arguments.folder)
    if arguments.check:
        apis.require_sound(apis.ladder_problems(ladder), ladder)
        print(f'{arguments.folder}: {len(ladder.rungs)} rungs, no problems')
        return
    apis.warn_of_unread_configs(ladder)
    name = '_'.join([*Path(arguments.folder).resolve().parts[-2:], arguments.data])
    work_dir = Path(arguments.work_dir or f'work_dirs/ladder/{name}')
    if arguments.plan:
        apis.print_plan(ladder, arguments.gpus)
        return
    settings = apis.RunSettings(arguments.data, arguments.max_iters, arguments.amp, arguments.cfg_options)
    if arguments.effects:
        for line in apis.effects_table(ladder, apis.loss_effects(ladder, settings, arguments.only)):
            print(line, flush=True)
    elif arguments.run:
        jobs = apis.plan_jobs(ladder, work_dir, arguments.seeds, settings, arguments.only)
        apis.run_jobs(jobs, REPOSITORY / 'tools', arguments.jobs, ladder.metrics)
    else:
        results = apis.current_results(ladder, apis.read_results(work_dir))
        rows = apis.compare_rungs(ladder, results, arguments.metric, arguments.only)
        name = f'ladder_{arguments.metric.replace(" ", "_")}' if arguments.metric else 'ladder'
        paths = apis.write_table(rows, results, arguments.out or work_dir, name)
        print(paths[0].read_text())
        for path in paths:
            print(f'written: {path}')


if __name__ == '__main__':
    main()
