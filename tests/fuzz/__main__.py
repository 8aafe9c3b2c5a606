"""`make fuzz SECONDS=…`: run every target for this time, one after the other, and write docs/reliability/fuzz.json and
fuzz.md.

Exits with 1 if there are findings. They are in fuzz-out/NAME/findings, each with the input that caused it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.fuzz.targets import NAMES, load

OUT = Path("fuzz-out")
REPORT = Path("docs/reliability")

INPUT_SECONDS = 20  # an input that takes longer is a finding
MEMORY_MEGABYTES = 1000  # including the fuzzer's own; more is a finding
ENGINE_FINDINGS = {"crash-": "a crash", "timeout-": "too slow", "oom-": "too much memory", "leak-": "a leak"}


@dataclass
class Outcome:
    """The result of fuzzing a target. promise: what must hold. coverage: number of libFuzzer's features (branches, with
    how often each was taken). inputs_kept: size of the corpus."""

    target: str
    promise: str
    seconds: float
    executions: int = 0
    coverage: int = 0
    inputs_kept: int = 0
    peak_megabytes: int = 0
    findings: int = 0

    @property
    def rate(self) -> float:
        return self.executions / max(self.seconds, 1e-9)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--only", choices=NAMES, action="append", help="run only this target; may be repeated")
    parser.add_argument("--no-report", action="store_true", help="do not write to docs/reliability")
    arguments = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print(
            "atheris is not installed. It has wheels for CPython 3.11 to 3.13, where 'make fuzz' installs it. "
            "'make test' runs the short form of the fuzzers without it."
        )
        return 0
    outcomes = [fuzz(name, arguments.seconds) for name in arguments.only or NAMES]
    if not arguments.no_report:
        write_report(outcomes)
    print(table(outcomes))
    return 1 if any(outcome.findings for outcome in outcomes) else 0


def fuzz(name: str, seconds: int) -> Outcome:
    """Fuzz one target, restarted after each finding of the engine while there is time left."""
    folder, start = OUT / name, time.monotonic()
    outcome = Outcome(name, " ".join((load(name).run_one.__doc__ or "").split()), 0.0)
    while (left := seconds - (time.monotonic() - start)) > 1:
        print(f"{name}: {left:.0f} s left", flush=True)
        output = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.fuzz.one",
                name,
                str(folder),
                f"-max_total_time={left:.0f}",
                f"-timeout={INPUT_SECONDS}",
                f"-rss_limit_mb={MEMORY_MEGABYTES}",
                "-print_final_stats=1",
            ],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        ).stderr
        (folder / "last.log").write_text(output, encoding="utf-8")
        add(outcome, output)
    outcome.seconds = round(time.monotonic() - start, 1)
    outcome.findings = len(findings_in(folder / "findings"))
    return outcome


def add(outcome: Outcome, output: str) -> None:
    """Add the statistics that libFuzzer prints at its end, or the last ones before it was killed."""
    counts = [int(n) for n in re.findall(r"^#(\d+)", output, re.M)]
    final = re.search(r"number_of_executed_units: (\d+)", output)
    outcome.executions += int(final[1]) if final else max(counts, default=0)
    for field, pattern in (
        ("coverage", r"ft: (\d+)"),
        ("inputs_kept", r"corp: (\d+)"),
        ("peak_megabytes", r"rss: (\d+)Mb"),
    ):
        setattr(outcome, field, max([getattr(outcome, field), *(int(n) for n in re.findall(pattern, output))]))


def findings_in(folder: Path) -> list[str]:
    """Return a line for each finding."""
    lines = []
    for path in sorted(folder.iterdir()) if folder.exists() else []:
        if path.suffix == ".json":
            report = json.loads(path.read_text(encoding="utf-8"))
            lines.append(
                f"{report['error']} at {report['place']}: {report['message'][:120]} ({path.with_suffix('.input')})"
            )
        lines += [f"{what} ({path})" for start, what in ENGINE_FINDINGS.items() if path.name.startswith(start)]
    return lines


def write_report(outcomes: list[Outcome]) -> None:
    REPORT.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "targets": [{**asdict(outcome), "executions_per_second": round(outcome.rate)} for outcome in outcomes],
    }
    (REPORT / "fuzz.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (REPORT / "fuzz.md").write_text(table(outcomes) + "\n", encoding="utf-8")


def table(outcomes: list[Outcome]) -> str:
    """Format the outcomes as a Markdown table."""
    rows = [
        "| target | what must hold | seconds | executions | per second | features | peak MB | findings |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    rows += [
        f"| {o.target} | {o.promise} | {o.seconds:.0f} | {o.executions:,} | {o.rate:,.0f} | {o.coverage:,} | "
        f"{o.peak_megabytes} | {o.findings} |"
        for o in outcomes
    ]
    lines = [
        f"- {outcome.target}: {line}" for outcome in outcomes for line in findings_in(OUT / outcome.target / "findings")
    ]
    return "\n".join(rows + (["", *lines] if lines else []))


if __name__ == "__main__":
    sys.exit(main())
