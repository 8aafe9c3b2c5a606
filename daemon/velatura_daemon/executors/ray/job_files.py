"""An order on its way to another machine and there: pictures by their hashes instead of by paths, and nothing that
names anything."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from velatura_daemon.storage.atomic import file_hash

# What an executor there may know. A list of what goes, not of what stays: what an order is given later stays, until
# somebody adds it here.
GOES = ("job", "settings", "weights", "device", "as_it_is", "adjust", "remember")


def for_abroad(order: dict[str, Any]) -> tuple[dict[str, Any], dict[bytes, Path]]:
    """An order as it leaves this machine, and the files that it needs, by their hashes. A last picture that cannot be
    read (it had to make room meanwhile) is left out. No title, name or path is in it; the layer's name is a hash, good
    for telling layers apart."""
    files: dict[bytes, Path] = {}
    goes = {name: order[name] for name in GOES if name in order}
    goes["layer"] = hashlib.sha256(order["layer"].encode()).hexdigest()
    goes["content"], goes["mask"] = _named(order["content"], files), _named(order["mask"], files)
    goes["styles"] = [
        {**_named(style, files), "share": style["share"], "region": _named(style["region"], files)}
        for style in order["styles"]
    ]
    goes["last"] = None
    if (last := order.get("last")) is not None:
        try:
            name = file_hash(Path(last["path"]))
        except OSError:
            return goes, files
        files[name] = Path(last["path"])
        goes["last"] = {"blob": name, "step": last["step"], "check": last["check"]}
    return goes, files


def at_work(order: dict[str, Any], path_of: Callable[[bytes], Path], folder: Path) -> dict[str, Any]:
    """The same where the work is done: as a worker takes it. path_of: of a hash. folder: for what it leaves."""
    there = {
        **order,
        "content": _found(order["content"], path_of),
        "mask": _found(order["mask"], path_of),
        "styles": [
            {**_found(style, path_of), "share": style["share"], "region": _found(style["region"], path_of)}
            for style in order["styles"]
        ],
        **{f"{name}_path": str(folder / f"{name}-{order['job']}") for name in ("result", "last", "keep")},
    }
    if order["last"] is not None:
        there["last"] = {**order["last"], "path": str(path_of(order["last"]["blob"]))}
    return there


def _named(item: dict[str, Any] | None, files: dict[bytes, Path]) -> Any:
    if item is None:
        return None
    picture = item["picture"]
    files[picture["blob"]] = Path(item["path"])
    if item["profile_path"]:
        files[picture["profile"]] = Path(item["profile_path"])
    return {"picture": picture}


def _found(item: dict[str, Any] | None, path_of: Callable[[bytes], Path]) -> Any:
    if item is None:
        return None
    profile = item["picture"]["profile"]
    return {
        "picture": item["picture"],
        "path": str(path_of(item["picture"]["blob"])),
        "profile_path": str(path_of(profile)) if profile else "",
    }
