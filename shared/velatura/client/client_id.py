"""The client id: it identifies a program across its runs, and results belong to it. Stored in the configuration."""

from __future__ import annotations

import uuid

from velatura.app_dirs import AppDirs, read_private_file, write_private_file


def client_id_for(dirs: AppDirs, program: str) -> str:
    """Return the id of this program (krita, gimp, cli), created at its first run.

    Raises DiskTrouble or UnsafeConnectionFile.
    """
    path = dirs.config / "clients" / program
    try:
        stored = read_private_file(path).decode("ascii", "replace").strip()
    except FileNotFoundError:
        stored = ""
    if len(stored) == 32:
        return stored
    new = uuid.uuid4().hex
    write_private_file(path, new.encode())
    return new
