"""Zip files with the same bytes whenever they have the same content."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path
from typing import IO

EARLIEST = 315532800  # seconds since 1970 of 1980-01-01, where the dates of zip files begin
FOLDER, FILE, PROGRAM = 0o40755, 0o100644, 0o100755


def write_archive(root: Path, file: IO[bytes], timestamp: int) -> None:
    """Write everything under `root` as a zip file: sorted, every entry of this time (seconds since 1970), folders with
    entries of their own, which Krita's importer needs, and permissions reduced to whether a file is executable."""
    date = time.gmtime(max(timestamp, EARLIEST))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).as_posix()):
            name = path.relative_to(root).as_posix()
            mode = FOLDER if path.is_dir() else PROGRAM if path.stat().st_mode & 0o100 else FILE
            entry = zipfile.ZipInfo(
                name + "/" * path.is_dir(), (date.tm_year, date.tm_mon, date.tm_mday, date.tm_hour, date.tm_min, 0)
            )
            entry.create_system = 3  # Unix: the permissions count
            entry.external_attr = mode << 16 | 0x10 * path.is_dir()
            entry.compress_type = zipfile.ZIP_STORED if path.is_dir() else zipfile.ZIP_DEFLATED
            archive.writestr(entry, b"" if path.is_dir() else path.read_bytes())
