"""Where the tests find the repository."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HELPERS = Path(__file__).resolve().parent
