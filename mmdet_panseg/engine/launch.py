"""Start mmengine's runner, with several processes on a machine without a GPU as well."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from typing import Any

import torch.distributed
from mmengine.config import Config
from mmengine.dataset import InfiniteSampler
from mmengine.device import get_device
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmdet_panseg.errors import ConfigError

from .concise_runner import ConciseRunner

# names of the environment variables of each launcher: rank, number of processes, rank on this machine
_LAUNCHER_VARIABLES = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'),
}


def is_main_rank() -> bool:
    """Whether this is the first process of a run, also before the processes know each other."""
    for rank, _, _ in _LAUNCHER_VARIABLES.values():
        if rank in os.environ:
            return os.environ[rank] == '0'
    return True


def use_processes_on_cpu(config: Config) -> None:
    """Let several processes train on the CPU, where mmengine expects one GPU for each.

    Does nothing for a single process or with a GPU. Otherwise it starts the gloo process group, upon which
    mmengine keeps its own start-up out, and makes the config wrap the model without device ids.

    Args:
        config: The config, with ``launcher`` set; changed in place.

    Raises:
        ConfigError: When the launcher has not set its environment variables.
    """
    launcher = config.get('launcher', 'none')
    if launcher == 'none' or get_device() != 'cpu':
        return
    wrapper = dict(
        type='MMDistributedDataParallel',
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=config.get('find_unused_parameters', False),
    )
    config.model_wrapper_cfg = {**wrapper, **(config.get('model_wrapper_cfg') or {}), 'device_ids': None}
    settings = config.setdefault('env_cfg', {}).setdefault('dist_cfg', {})
    settings['backend'] = 'gloo'
    if torch.distributed.is_initialized():
        return
    _set_torch_variables(launcher)
    timeout = settings.get('timeout')
    options: dict[str, Any] = {} if timeout is None else dict(timeout=timedelta(seconds=timeout))
    torch.distributed.init_process_group('gloo', **options)


def leave_processes() -> None:
    """End the process group of a run that has finished; after an error the launcher ends the processes."""
    if torch.distributed.is_initialized():
        # One that leaves early would take the connections of those that are still at work.
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def _set_torch_variables(launcher: str) -> None:
    for name, source in zip(_LAUNCHER_VARIABLES['pytorch'], _LAUNCHER_VARIABLES[launcher], strict=True):
        if source not in os.environ:
            raise ConfigError(
                f'--launcher {launcher}: the environment variable {source} is not set; '
                'start the processes with tools/dist_*.sh, tools/slurm_*.sh or mpirun.'
            )
        os.environ[name] = os.environ[source]
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _first_slurm_host() if launcher == 'slurm' else '127.0.0.1'


def _first_slurm_host() -> str:
    hosts = ['scontrol', 'show', 'hostnames', os.environ.get('SLURM_NODELIST', '')]
    return subprocess.run(hosts, check=True, capture_output=True, text=True).stdout.split()[0]


def build_runner(config: Config) -> Runner:
    """Build the runner that a config describes.

    It is mmengine's with a shorter output, or the registered one named in ``runner_type``.
    """
    return RUNNERS.build(config) if 'runner_type' in config else ConciseRunner.from_cfg(config)


def build_training(runner: Runner) -> None:
    """Build what ``Runner.train`` would, the optimizer before the data, whose annotations may take a while to read.

    Args:
        runner: The runner, changed in place.

    Raises:
        ConfigError: If no batch can be made of the data.
    """
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    loader = runner.train_dataloader
    # mmengine's infinite sampler has the length of the data.
    if not isinstance(loader.sampler, InfiniteSampler) and len(loader) == 0:
        raise ConfigError(
            f'train_dataloader gives no batch: {len(loader.dataset)} images, batch_size={loader.batch_size} and '
            f'drop_last={loader.drop_last}; lower batch_size, or set drop_last=False.'
        )


def use_memory_format(config: Config, channels_last: bool | None) -> None:
    """Keep the model in channels-last memory format, or not.

    Args:
        config: The config, changed in place.
        channels_last: None for what is faster: channels-last on CPUs.
    """
    if channels_last or (channels_last is None and get_device() == 'cpu'):
        ensure_hook(config, dict(type='ChannelsLastHook'))


def ensure_hook(config: Config, hook: dict[str, Any]) -> None:
    """Add a custom hook, or to the one of that type the settings that the config does not make.

    Args:
        config: The config, changed in place.
        hook: Config of the hook.
    """
    hooks = list(config.get('custom_hooks') or [])
    if all(known.get('type') != hook['type'] for known in hooks):
        hooks.append({})
    config.custom_hooks = [
        {**hook, **known} if known.get('type', hook['type']) == hook['type'] else known for known in hooks
    ]
