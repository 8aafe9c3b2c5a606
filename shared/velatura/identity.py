"""Who a client is across its runs: an id kept in the configuration, to which results belong."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

from velatura.paths import Places, read_private_file, write_private_file


def client_id_for(places: Places, program: str) -> str:
    """The id of this program (krita, gimp, cli), made at its first run. Raises DiskTrouble, UnsafeConnectionFile."""
    path = places.config / "clients" / program
    try:
        known = read_private_file(path).decode("ascii", "replace").strip()
    except FileNotFoundError:
        known = ""
    if len(known) == 32:
        return known
    fresh = uuid.uuid4().hex
    write_private_file(path, fresh.encode())
    return fresh


def build_of(*folders: Path) -> str:
    """A name for exactly this code: a hash over the Python files of these packages. A daemon of another build is
    replaced when it is idle."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            digest.update(str(path.relative_to(folder)).encode() + b"\\0" + path.read_bytes() + b"\\0")
    return digest.hexdigest()[:16]
