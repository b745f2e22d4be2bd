"""``panseg ladder``: check, plan, train and compare a folder of configs that each change one thing."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.config import DictAction


def build_parser() -> argparse.ArgumentParser:
    """Define the arguments of this command."""
    parser = argparse.ArgumentParser(
        description='A ladder of experiments: each config inherits its parent and states one change.'
    )
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')

    def command(name: str, description: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=description, description=description)
        added.add_argument('folder', help='folder with one config for each rung, such as configs/solo/ladder')
        return added

    command('check', 'look for mistakes in the configs; exit code 2 if any')
    plan = command('plan', 'print the tree of rungs with their commands')
    plan.add_argument('--gpus', type=_positive, default=8, help='processes in the commands (default: 8)')
    effects = command('effects', 'print what each change does to the losses of equal weights and images')
    run = command('run', 'train and test what is missing; can be interrupted')
    table = command('table', 'compare the finished runs: Markdown, CSV and a picture')
    for some in (effects, run):
        some.add_argument(
            '--only', nargs='+', metavar='RUNG', help='these rungs, and those whose weights they need (default: all)'
        )
        some.add_argument(
            '--cfg-options', nargs='+', action=DictAction, default={}, help='override settings in all configs'
        )
    for some in (effects, run, table):
        some.add_argument(
            '--data',
            choices=('scenes', 'own'),
            default='scenes',
            help='embedded scenes, or the data of the configs (default: scenes)',
        )
    for some in (run, table):
        some.add_argument(
            '--work-dir', help='folder of the runs (default: work_dirs/ladder/<its last two folders>_<data>)'
        )
    run.add_argument('--seeds', type=_positive, default=1, help='trainings of each rung (default: 1)')
    run.add_argument('--jobs', type=_positive, default=1, help='trainings at a time (default: 1)')
    run.add_argument('--amp', action='store_true', help='mixed precision, as in train.py')
    run.add_argument('--max-iters', type=_positive, help="iterations of the root's training; others in proportion")
    table.add_argument('--only', nargs='+', metavar='RUNG', help='rows of these rungs (default: all)')
    table.add_argument('--metric', help="which of the ladder's metrics to compare by (default: its first)")
    table.add_argument('--out', help='folder for the files (default: that of the runs)')
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError('must be at least 1')
    return number


def run(arguments: argparse.Namespace) -> None:
    """Do what the arguments of :func:`build_parser` ask for."""
    from mmdet_panseg import ladder as apis

    ladder = apis.read_ladder(arguments.folder)
    if arguments.command == 'check':
        apis.require_sound(ladder, apis.ladder_problems(ladder))
        print(f'{arguments.folder}: {len(ladder.rungs)} rungs, no problems')
        return
    apis.warn_of_unread_configs(ladder)
    if arguments.command == 'plan':
        apis.print_plan(ladder, arguments.gpus)
    elif arguments.command == 'effects':
        settings = apis.RunSettings(arguments.data, options=arguments.cfg_options)
        for line in apis.effects_table(ladder, apis.loss_effects(ladder, settings, arguments.only)):
            print(line, flush=True)
    elif arguments.command == 'run':
        settings = apis.RunSettings(arguments.data, arguments.max_iters, arguments.amp, arguments.cfg_options)
        jobs = apis.plan_jobs(ladder, _work_dir(arguments), arguments.seeds, settings, arguments.only)
        apis.run_jobs(jobs, arguments.jobs, ladder.metrics)
    else:
        work_dir = _work_dir(arguments)
        results = apis.current_results(ladder, apis.read_results(work_dir))
        rows = apis.compare_rungs(ladder, results, arguments.metric, arguments.only)
        name = f'ladder_{arguments.metric.replace(" ", "_")}' if arguments.metric else 'ladder'
        paths = apis.write_table(rows, results, arguments.out or work_dir, name)
        print(paths[0].read_text())
        for path in paths:
            print(f'written: {path}')


def _work_dir(arguments: argparse.Namespace) -> Path:
    name = '_'.join([*Path(arguments.folder).resolve().parts[-2:], arguments.data])
    return Path(arguments.work_dir or f'work_dirs/ladder/{name}')
