"""One target under atheris: `python -m tests.fuzz.one NAME FOLDER [libFuzzer's options]`. Findings are written down and
it goes on; only a crash of native code, or an input that takes too long or too much memory, ends it (libFuzzer's own
reports)."""

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

ROOM = 4 << 30  # bytes of address space: whoever asks for more at once gets a MemoryError, and that is a finding

STRUCTURED = 0.7  # of the inputs are made by the target's own mutator, the others by libFuzzer's


def main(arguments: list[str]) -> None:
    name, folder, options = arguments[1], Path(arguments[2]), arguments[3:]
    with atheris.instrument_imports(include=list(INSTRUMENTED[name])):
        target = load(name)
    corpus, findings = folder / "corpus", folder / "findings"
    for each in (corpus, findings):
        each.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))
    seen: set[str] = {path.stem for path in findings.glob("*.json")}

    def run_one(data: bytes) -> None:
        try:
            target.run_one(data)
        except Exception as error:
            _write_down(findings, seen, data, error)

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        source = random.Random(seed)
        made = target.mutate(data, source) if source.random() < STRUCTURED else atheris.Mutate(data, longest)
        return bytes(made[:longest])

    engine = [arguments[0], str(corpus), f"-max_len={target.LONGEST}", f"-artifact_prefix={findings}/", *options]
    atheris.Setup(engine, run_one, custom_mutator=mutate)
    atheris.Fuzz()


def _write_down(findings: Path, seen: set[str], data: bytes, error: Exception) -> None:
    """Once for each kind of error and place: what it was, where, and on which input."""
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
        "said": str(error)[:300],
        "trace": traceback.format_tb(error.__traceback__)[-6:],
    }
    (findings / f"{key}.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(f"finding {key}: {report['error']} at {place}: {report['said'][:100]}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv)
