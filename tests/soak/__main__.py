"""`make soak SECONDS=…`. Ends with 1 where a promise did not hold."""

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
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--no-report", action="store_true", help="leave docs/reliability as it is")
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="vel-"))
    try:
        result = soak(home, asked.seconds, asked.clients)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    report = result.report()
    for name, value in report.items():
        if name not in ("samples", "worst_waits", "broken_promises"):
            print(f"{name}: {value}")
    if not asked.no_report:
        print("written:", *write(report))
    for sentence in result.broken:
        print("BROKEN:", sentence)
    return 1 if result.broken else 0


if __name__ == "__main__":
    sys.exit(main())
