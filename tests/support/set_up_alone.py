"""Runs a set-up in a process of its own, which tests kill: `python -m tests.support.set_up_alone WHEEL`."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

from velatura.app_dirs import app_dirs
from velatura.setup.events import Failed
from velatura.setup.plan import make_plan
from velatura.setup.run import set_up


def main() -> None:
    plan = dataclasses.replace(make_plan(app_dirs(), wheel=Path(sys.argv[1])), space=0)
    error = [""]
    done = set_up(plan, lambda event: error.append(event.error.sentence) if isinstance(event, Failed) else None)
    os.write(1, f"{error[-1]}\n".encode())
    sys.exit(0 if done else 1)


if __name__ == "__main__":
    main()
