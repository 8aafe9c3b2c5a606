"""Run one target under atheris: `python -m tests.fuzz.one NAME FOLDER [libFuzzer options]`.

Findings are recorded, and fuzzing continues. Only a crash of native code, or an input that takes too much time or
memory, ends it; libFuzzer reports those itself.
"""

from __future__ import annotations

import hashlib
import json
import random
import resource
import sys
import traceback
from pathlib import Path

import atheris

from tests.fuzz.targets import INSTRUMENTED, load

MAX_ADDRESS_SPACE = 4 << 30  # bytes; an allocation beyond it raises MemoryError, which is a finding

STRUCTURED_SHARE = 0.7  # of inputs come from the target's own mutator, the others from libFuzzer's


def main(arguments: list[str]) -> None:
    name, folder, options = arguments[1], Path(arguments[2]), arguments[3:]
    with atheris.instrument_imports(include=list(INSTRUMENTED[name])):
        target = load(name)
    corpus, findings = folder / "corpus", folder / "findings"
    for each in (corpus, findings):
        each.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_SPACE, MAX_ADDRESS_SPACE))
    seen: set[str] = {path.stem for path in findings.glob("*.json")}

    def run_one(data: bytes) -> None:
        try:
            target.run_one(data)
        except Exception as error:
            _record(findings, seen, data, error)

    def mutate(data: bytes, max_bytes: int, seed: int) -> bytes:
        source = random.Random(seed)
        made = target.mutate(data, source) if source.random() < STRUCTURED_SHARE else atheris.Mutate(data, max_bytes)
        return bytes(made[:max_bytes])

    engine = [arguments[0], str(corpus), f"-max_len={target.MAX_BYTES}", f"-artifact_prefix={findings}/", *options]
    atheris.Setup(engine, run_one, custom_mutator=mutate)
    atheris.Fuzz()


def _record(findings: Path, seen: set[str], data: bytes, error: Exception) -> None:
    """Record each kind of error and place once: the error, its place and its input."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
    key = hashlib.sha256(f"{type(error).__name__} {place}".encode()).hexdigest()[:12]
    if key in seen:
        return
    seen.add(key)
    (findings / f"{key}.input").write_bytes(data)
    report = {
        "error": type(error).__name__,
        "place": place,
        "message": str(error)[:300],
        "trace": traceback.format_tb(error.__traceback__)[-6:],
    }
    (findings / f"{key}.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(f"finding {key}: {report['error']} at {place}: {report['message'][:100]}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv)
