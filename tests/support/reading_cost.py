"""`python -m tests.support.reading_cost FILE… OPTIONS` reads each picture file in a process of its own, and prints as
JSON the outcome, the bytes of the picture, and the growth of the process's peak memory. OPTIONS: those of read_picture,
as JSON."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

ROOT = Path(__file__).parents[2]


def costs(paths: list[Path], **options: Any) -> dict[str, dict[str, Any]]:
    """Read each file; returns {"outcome": size or error code, "sentence", "nbytes", "megabytes"} by file name. A file
    whose reader died is missing."""
    outcome = subprocess.run(
        [sys.executable, "-m", "tests.support.reading_cost", *map(str, paths), json.dumps(options)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    return {report["file"]: report for report in map(json.loads, outcome.splitlines())}


def megabytes(entry: str) -> float:
    return int(Path("/proc/self/status").read_text(encoding="ascii").split(entry + ":")[1].split()[0]) / 1024


def report(path: Path, options: dict[str, Any]) -> dict[str, Any]:
    from velatura.errors import VelaturaError
    from velatura_daemon.imaging.files import read_picture

    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets the peak memory
    before = megabytes("VmRSS")
    nbytes, sentence = 0, ""
    try:
        picture = read_picture(path, **options).picture
        outcome, nbytes = f"{picture.width} × {picture.height}", picture.nbytes
    except VelaturaError as error:
        outcome, sentence = error.code, error.sentence
    return {
        "file": path.name,
        "outcome": outcome,
        "sentence": sentence,
        "nbytes": nbytes,
        "megabytes": megabytes("VmHWM") - before,
    }


def main() -> None:
    from velatura_daemon.imaging.files import pillow, png, tiff

    assert pillow and png and tiff  # loaded before the measurement
    Image.init()
    imagecodecs.png_decode(imagecodecs.png_encode(np.zeros((4, 4), np.uint8)))
    small = io.BytesIO()
    tifffile.imwrite(small, np.zeros((4, 4), np.uint8), photometric="minisblack")
    small.seek(0)
    tifffile.TiffFile(small).close()
    options = json.loads(sys.argv[-1])
    for path in sys.argv[1:-1]:
        if os.fork():
            os.wait()
            continue
        try:
            print(json.dumps(report(Path(path), options)), flush=True)
        except BaseException:
            traceback.print_exc()
        os._exit(0)


if __name__ == "__main__":
    main()
