"""The build ID of this code, and the command that starts its daemon."""

from __future__ import annotations

import sys
from pathlib import Path

import velatura
from velatura.build import build_of


def build_id() -> str:
    """Return an identifier of exactly this code: a hash over the shared and the daemon package."""
    return build_of(Path(velatura.__file__).parent, Path(__file__).parent)


def daemon_command() -> tuple[str, ...]:
    """Return the command with which this installation starts the daemon."""
    return (sys.executable, "-m", "velatura_daemon", "daemon", "run")
