"""The console command ``panseg``: a parser and a call for each subcommand; ``tools/`` are the same commands."""

from __future__ import annotations

from .commands import COMMANDS, main, run_tool

__all__ = ['COMMANDS', 'main', 'run_tool']
