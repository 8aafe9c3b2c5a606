"""`make soak SECONDS=…`. Exits with 1 if a promise was broken."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.soak.report import write
from tests.soak.run import soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--no-report", action="store_true", help="do not write to docs/reliability")
    submitted = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="vel-"))
    try:
        result = soak(home, submitted.seconds, submitted.clients)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    report = result.report()
    for name, value in report.items():
        if name not in ("samples", "worst_waits", "broken_promises"):
            print(f"{name}: {value}")
    if not submitted.no_report:
        print("written:", *write(report))
    for sentence in result.broken_promises:
        print("BROKEN:", sentence)
    return 1 if result.broken_promises else 0


if __name__ == "__main__":
    sys.exit(main())
