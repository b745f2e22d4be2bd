"""Faults that are planted one by one: ``pytest -m faults`` runs them all and counts those that are handled."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items):
    planted = [item for item in items if FOLDER in item.path.parents]
    for item in planted:
        item.add_marker(pytest.mark.faults)
    # Each is the start of a command: `make test` has every third.
    for number, item in enumerate(item for item in planted if item.path.name == 'test_config_faults.py'):
        if number % 3:
            item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter):
    ended = {
        outcome: sum('faults/' in report.nodeid for report in terminalreporter.stats.get(outcome, ()))
        for outcome in ('passed', 'failed')
    }
    tried = sum(ended.values())
    if tried:
        terminalreporter.write_line(f'planted faults: {tried} tried, {ended["passed"]} handled')
