"""`python -m tests.bench.time_left`: compare the time left that a restyle reports with the time that it really takes.

Restyles of three sizes, draft and good, through a real daemon and a real worker, each cold and then with a changed
setting, beginning with the first job on a machine that was never measured. At each report of progress, the factor
between the reported and the true time left, and for comparison that of an extrapolation from the share of the work that
is done; the last seconds are left out.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import click

from tests.bench.__main__ import launcher
from velatura.app_dirs import app_dirs
from velatura.client.client import Client
from velatura.client.events import Finished
from velatura.pixels import Picture, PixelFormat
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.samples import draw

SIZES = ((256, 192), (512, 384), (900, 675))
QUALITIES = ("draft", "good")
KINDS = ("cold", "changed")
LAST_SECONDS = 2.0  # not compared: a factor says little about a moment
GOAL = 1.5


@dataclass
class Report:
    """One report of progress. at: seconds since the job was requested. left: reported seconds, −1 if unknown. done: the
    reported share of the whole work."""

    at: float
    left: float
    done: float


@dataclass
class Restyle:
    """One restyle as it went. kind: one of KINDS. estimate: seconds, at its start. began, ended: seconds since the
    request."""

    width: int
    height: int
    quality: str
    kind: str
    estimate: float = 0.0
    began: float = 0.0
    ended: float = 0.0
    reports: list[Report] = field(default_factory=list)

    def factors(self, *, by_share: bool = False) -> list[float]:
        """Reported time left by the true one, of the reports that count. by_share: not as reported, but extrapolated
        from the time so far and the share done."""
        return [
            (report.at - self.began) * (1 / report.done - 1) / left if by_share else report.left / left
            for report in self.reports
            if (left := self.ended - report.at) > LAST_SECONDS
        ]

    @property
    def row(self) -> str:
        reported, by_share = summary(self.factors()), summary(self.factors(by_share=True))
        name = f"{self.width} × {self.height}, {self.quality}, {self.kind}"
        estimate = self.estimate / (self.ended - self.began)
        return f"| {name} | {self.ended:.1f} s | {estimate:.2f} | {by_share} | {reported} |"


def summary(factors: list[float]) -> str:
    """The first factor, their range, and how many are within the goal."""
    if not factors:
        return "– | – | –"
    within = sum(1 / GOAL <= factor <= GOAL for factor in factors) / len(factors)
    return f"{factors[0]:.2f} | {min(factors):.2f} – {max(factors):.2f} | {within:.0%}"


HEADER = (
    "| restyle | took | estimate / truth | by share: first | range | within | reported: first | range | within |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def sample(name: str, width: int, height: int) -> Picture:
    return Picture(width, height, PixelFormat("RGB", "u8"), draw(name, width, height).tobytes())


def watch(client: Client, restyle: Restyle, settings: StyleSettings, adjust: bool) -> None:
    """Restyle, and note every report."""
    content = sample("harbour_town", restyle.width, restyle.height)
    style = sample("night_swirls", 512, 384)
    layer = f"{restyle.width} {restyle.quality}"
    began = time.monotonic()
    job = client.restyle(content, [(style, 1.0)], settings, layer=layer, adjust=adjust)
    for event in client.events(job):
        at = time.monotonic() - began
        if isinstance(event, p.Estimate) and event.ticket == job:
            restyle.estimate, restyle.began = event.seconds, at
        elif isinstance(event, p.Progress):
            restyle.reports.append(Report(at, event.seconds_left, event.done))
        elif isinstance(event, Finished):
            restyle.ended = at
        elif isinstance(event, p.Failed):
            raise SystemExit(event.sentence)


def restyles(client: Client, sizes: Iterable[tuple[int, int]], qualities: Iterable[str]) -> Iterable[Restyle]:
    """Cold first, then continued from the last image with another strength."""
    for (width, height), quality, kind in itertools.product(sizes, qualities, KINDS):
        changed = kind == "changed"
        restyle = Restyle(width, height, quality, kind)
        watch(client, restyle, StyleSettings(quality=quality, strength=60.0 if changed else 50.0), adjust=changed)
        yield restyle


def parsed(size: str) -> tuple[int, int]:
    width, _, height = size.partition("x")
    return int(width), int(height)


@click.command()
@click.option("--size", "sizes", multiple=True, metavar="WIDTHxHEIGHT", help="Instead of the three sizes.")
@click.option("--quality", "qualities", multiple=True, default=QUALITIES, help="Instead of draft and good.")
@click.option("--repeats", default=1, help="Each time with a new home, so the first job is a machine's first.")
@click.option("--memory-megabytes", default=0, help="Of the worker; a small value makes it work in tiles.")
@click.option("--json", "data", type=click.Path(path_type=Path), help="Write every report to this file.")
def main(
    sizes: tuple[str, ...], qualities: tuple[str, ...], repeats: int, memory_megabytes: int, data: Path | None
) -> None:
    """Compare the time left that is reported with the time that restyles take."""
    done: list[Restyle] = []
    print(HEADER)
    for _ in range(repeats):
        home = Path(tempfile.mkdtemp(prefix="vel-"))
        options = ("--memory-megabytes", str(memory_megabytes)) if memory_megabytes else ()
        start = launcher(home)
        try:
            with Client(
                "bench",
                dirs=app_dirs({"VELATURA_HOME": str(home)}),
                client_id="bench",
                launcher=replace(start, command=(*start.command, *options)),
            ) as client:
                for restyle in restyles(client, [parsed(size) for size in sizes] or SIZES, qualities):
                    print(restyle.row, f"load {os.getloadavg()[0]:.1f}", flush=True)
                    done.append(restyle)
                client.shut_down()
                client.drain()
        finally:
            shutil.rmtree(home, ignore_errors=True)
    by_share = [factor for restyle in done for factor in restyle.factors(by_share=True)]
    reported = [factor for restyle in done for factor in restyle.factors()]
    print(f"| all | | | {summary(by_share)} | {summary(reported)} |")
    if data is not None:
        data.write_text(json.dumps([asdict(restyle) for restyle in done]))


if __name__ == "__main__":
    main()
