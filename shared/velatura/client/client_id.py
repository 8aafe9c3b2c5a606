"""Who a client is across its runs: an id kept in the configuration, to which results belong."""

from __future__ import annotations

import uuid

from velatura.app_dirs import AppDirs, read_private_file, write_private_file


def client_id_for(places: AppDirs, program: str) -> str:
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
