"""Starts the command lines as a user does, with the toy model and data of tests/engine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'tests' / 'engine'))


@pytest.fixture(scope='session')
def tool_environment():
    """Environment variables with which configs find ``toy_run`` and scripts find this Python."""
    environment = dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=str(REPOSITORY / 'tests' / 'engine'))
    environment['PATH'] = f'{Path(sys.executable).parent}{os.pathsep}{environment["PATH"]}'
    return environment


@pytest.fixture
def run_tool(tool_environment, tmp_path):
    """Run a file of tools/ in an empty folder and return its finished process."""

    def run(name, *arguments, **environment):
        interpreter = ['bash'] if name.endswith('.sh') else [sys.executable]
        command = [*interpreter, str(REPOSITORY / 'tools' / name), *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={**tool_environment, **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run
