"""Which code this is, and the command that starts its daemon."""

from __future__ import annotations

import sys
from pathlib import Path

import velatura
from velatura.build import build_of


def build_id() -> str:
    """The name of exactly this code, shared and daemon."""
    return build_of(Path(velatura.__file__).parent, Path(__file__).parent)


def own_command() -> tuple[str, ...]:
    """How this very installation starts the daemon."""
    return (sys.executable, "-m", "velatura_daemon", "daemon", "run")
