"""`make fuzz SECONDS=…`: run every target for this time, one after the other, then look for the known bugs, and write
docs/reliability/fuzz.json and fuzz.md.

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
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.fuzz.known_bugs import KNOWN_BUGS
from tests.fuzz.short import inputs_until_found
from tests.fuzz.targets import NAMES, load

OUT = Path("fuzz-out")
REPORT = Path("docs/reliability")

INPUT_SECONDS = 20  # an input that takes longer is a finding
MEMORY_MEGABYTES = 1000  # including the fuzzer's own; more is a finding
ENGINE_FINDINGS = {"crash-": "a crash", "timeout-": "too slow", "oom-": "too much memory", "leak-": "a leak"}


@dataclass
class Outcome:
    """The result of fuzzing a target. promise: what must hold. coverage: number of libFuzzer's features (branches, with
    how often each was taken). inputs_kept: size of the corpus. lines: of each module, those that the corpus reaches and
    all (see `reached`)."""

    target: str
    promise: str
    seconds: float
    executions: int = 0
    coverage: int = 0
    inputs_kept: int = 0
    peak_megabytes: int = 0
    findings: int = 0
    lines: dict[str, list[int]] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.executions / max(self.seconds, 1e-9)

    @property
    def lines_share(self) -> float:
        """0 to 1."""
        return sum(some for some, _ in self.lines.values()) / max(1, sum(all_ for _, all_ in self.lines.values()))


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
    bugs = known_bugs(arguments.only or NAMES)
    if not arguments.no_report:
        write_report(outcomes, bugs)
    print(tables(outcomes, bugs))
    return 1 if any(outcome.findings for outcome in outcomes) or None in bugs.values() else 0


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
    outcome.lines = lines_reached(name, folder / "corpus")
    return outcome


def lines_reached(name: str, corpus: Path) -> dict[str, list[int]]:
    """In a process of its own, since the product's modules must not have been instrumented."""
    command = [sys.executable, "-m", "tests.fuzz.reached", name, str(corpus)]
    lines: dict[str, list[int]] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return lines


def known_bugs(names: Sequence[str]) -> dict[str, int | None]:
    """For each known bug of these targets, how many inputs the short form needs to find it; None: it does not."""
    found = {}
    for bug in KNOWN_BUGS:
        if bug.target in names:
            with bug.bring_back():
                found[f"{bug.target}: {bug.name}"] = inputs_until_found(bug.target, bug.sign)
    return found


def add(outcome: Outcome, output: str) -> None:
    """Add the statistics that libFuzzer prints at its end, or the last ones before it was killed."""
    counts = [int(n) for n in re.findall(r"^#(\d+)", output, re.M)]
    final = re.search(r"number_of_executed_units: (\d+)", output)
    outcome.executions += int(final[1]) if final else max(counts, default=0)
    for name, pattern in (
        ("coverage", r"ft: (\d+)"),
        ("inputs_kept", r"corp: (\d+)"),
        ("peak_megabytes", r"rss: (\d+)Mb"),
    ):
        setattr(outcome, name, max([getattr(outcome, name), *(int(n) for n in re.findall(pattern, output))]))


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


def write_report(outcomes: list[Outcome], bugs: dict[str, int | None]) -> None:
    REPORT.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "targets": [
            {
                **asdict(outcome),
                "executions_per_second": round(outcome.rate),
                "lines_share": round(outcome.lines_share, 3),
            }
            for outcome in outcomes
        ],
        "inputs_until_a_known_bug_is_found": bugs,
    }
    (REPORT / "fuzz.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (REPORT / "fuzz.md").write_text(f"# Figures of the fuzzers\n\n{tables(outcomes, bugs)}\n", encoding="utf-8")


def tables(outcomes: list[Outcome], bugs: dict[str, int | None]) -> str:
    """Format everything as Markdown tables."""
    rows = [
        "| target | what must hold | seconds | executions | per second | features | lines | peak MB | findings |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    rows += [
        f"| {o.target} | {o.promise} | {o.seconds:.0f} | {o.executions:,} | {o.rate:,.0f} | {o.coverage:,} | "
        f"{o.lines_share:.0%} | {o.peak_megabytes} | {o.findings} |"
        for o in outcomes
    ]
    lines = [
        f"- {outcome.target}: {line}" for outcome in outcomes for line in findings_in(OUT / outcome.target / "findings")
    ]
    reached = ["", "| module, past the handshake | lines reached by session |", "|---|---:|"]
    for outcome in outcomes:
        if outcome.target == "session":
            reached += [
                f"| {module} | {some} of {all_} ({some / all_:.0%}) |" for module, (some, all_) in outcome.lines.items()
            ]
    found = ["", "| fault, brought back | inputs until it is found |", "|---|---:|"]
    found += [f"| {name} | {'not found' if number is None else f'{number:,}'} |" for name, number in bugs.items()]
    parts = [rows, ["", *lines] if lines else [], reached if len(reached) > 3 else [], found if bugs else []]
    return "\n".join(line for part in parts for line in part)


if __name__ == "__main__":
    sys.exit(main())
