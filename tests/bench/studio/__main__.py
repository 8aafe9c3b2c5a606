"""`make studio`: minutes on one core; the same figures each time."""

from __future__ import annotations

from tests.bench.studio.report import whole, write

if __name__ == "__main__":
    print("written:", *write(whole()))
