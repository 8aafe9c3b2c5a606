"""`make release`: wheel, sdist, a zip for Krita's importer, a zip for GIMP's folder of plug-ins, and their checksums.

Each zip carries the wheel, so that the set-up that runs in the editor installs exactly the daemon that fits. The same
commit makes the same bytes on the same machine: every date is the commit's, or SOURCE_DATE_EPOCH. GIMP reads a plug-in
again when its date has changed, so the dates of two releases have to differ.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from velatura import __version__
from velatura.setup.wheel import CARRIED_WHEELS
from velatura_daemon.plugins import gimp, krita
from velatura_daemon.plugins.archive import write_archive

TREE = Path(__file__).parents[1]
WHEEL_LIMIT = 3_000_000  # bytes
CHECKSUMS = "SHA256SUMS"
NO_COMMIT = 1580601600  # 2020-02-02, hatchling's date as well, for sources without git


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".release-", dir=folder) as temporary:
        made = build(Path(temporary))
        for old in [
            *folder.glob("velatura-*"),
            folder / CHECKSUMS,
        ]:  # checksums beside files of another release mislead
            old.unlink(missing_ok=True)
        for path in made:
            path.rename(folder / path.name)
            print(f"{path.name}  {(folder / path.name).stat().st_size / 1e6:.1f} MB")


def build(folder: Path) -> list[Path]:
    """Make all files of a release in this folder. Returns them."""
    date = timestamp()
    (wheel,) = build_packages(folder, date).glob("*.whl")
    if wheel.stat().st_size > WHEEL_LIMIT:
        sys.exit(
            f"release: {wheel.name} has {wheel.stat().st_size / 1e6:.1f} MB; each zip carries it, so 3 MB is the limit"
        )
    write_zip(folder / f"velatura-krita-{__version__}.zip", krita.write_tree, wheel, date)
    write_zip(folder / f"velatura-gimp-{__version__}.zip", gimp.write_tree, wheel, date)
    made = sorted(path for path in folder.iterdir() if path.is_file())
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made)
    (folder / CHECKSUMS).write_text(sums)
    return [*made, folder / CHECKSUMS]


def build_packages(folder: Path, date: int) -> Path:
    """Build the sdist, and the wheel from it."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, TREE],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(date)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"release: the wheel could not be built.\n{done.stdout}{done.stderr}")
    return folder


def write_zip(path: Path, write_tree: Callable[[Path], Path], wheel: Path, date: int) -> None:
    """Write an editor's zip. write_tree: writes the plugin to a folder and returns the plugin's own folder in it."""
    with tempfile.TemporaryDirectory() as temporary:
        plugin = write_tree(Path(temporary))
        carried = plugin / "carried" / CARRIED_WHEELS
        carried.mkdir()
        shutil.copy(wheel, carried)
        shutil.copy(TREE / "LICENSE", plugin)
        with path.open("wb") as file:
            write_archive(Path(temporary), file, date)


def timestamp() -> int:
    """Return the time of the commit, in seconds since 1970."""
    if os.environ.get("SOURCE_DATE_EPOCH"):
        return int(os.environ["SOURCE_DATE_EPOCH"])
    git = ["git", "-C", str(TREE), "log", "-1", "--format=%ct"]
    try:
        return int(subprocess.run(git, capture_output=True, text=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return NO_COMMIT


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else TREE / "dist"))
