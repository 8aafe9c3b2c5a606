"""A minimal Debian in a folder, kept in the user's cache, for tests that need programs or an emptiness that this
machine has not. Stdlib only.

A root is named by what is in it, made as `.tmp` and renamed, so that a half-made one is never taken for whole. What
runs in it runs in mount and process namespaces of its own: when it ends, however it ends, nothing is left mounted and
nothing left running.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def debian_root(suite: str, packages: Sequence[str], purpose: str, say: Callable[[str], object] = print) -> Path:
    """A Debian with these packages, made if it is not there yet. purpose: what it is for, with its size. Raises
    RuntimeError if it cannot be made."""
    name = hashlib.sha256("\n".join((suite, *packages)).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "velatura-debian"
    root = cache / f"{suite}-{name}"
    if root.is_dir():
        return root
    if os.geteuid() != 0:
        raise RuntimeError(f"making a Debian root {purpose} needs root")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{root.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once make one
        if not root.is_dir():
            say(f"making a Debian {suite} {purpose} in {root}")
            _make(root, suite, packages)
    return root


def command_in(
    root: Path | None,
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    shared: Sequence[Path] = (),
    hidden: Sequence[str] = (),
    own_tmp: bool = True,
) -> list[str]:
    """What runs argv in that root, or on this machine (None), with this environment and no other.

    shared: folders of this machine that are seen there at their own paths. hidden: folders of the root that are empty
    while it runs. own_tmp: a /tmp in memory, else the root's own."""
    inside = ["env", "-i", *(f"{name}={value}" for name, value in env.items()), *argv]
    lines = ["set -e"]
    if root is not None:
        lines += [
            f"mount -t proc proc {root}/proc",
            f"mount --rbind /dev {root}/dev",
            f"mount -t tmpfs tmpfs {root}/dev/shm",
        ]
        lines += [f"mount -t tmpfs tmpfs {root}/tmp"] if own_tmp else []
        lines += [f"mkdir -p {root}{path}; mount --rbind {path} {root}{path}" for path in map(str, shared)]
    lines += [f"mount -t tmpfs tmpfs {root or ''}{path}" for path in hidden]
    lines += [f'exec chroot {root} "$@"' if root is not None else 'exec "$@"']
    return [
        "setpriv",
        "--pdeathsig",
        "KILL",
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        "-c",
        "\n".join(lines),
        "sh",
        *inside,
    ]


def _make(root: Path, suite: str, packages: Sequence[str]) -> None:
    if shutil.which("debootstrap") is None:
        run_quietly("apt-get", "update")
        run_quietly("apt-get", "install", "-y", "--no-install-recommends", "debootstrap")
    half = root.with_name(root.name + ".tmp")
    shutil.rmtree(half, ignore_errors=True)
    run_quietly("debootstrap", "--variant=minbase", suite, str(half))
    forbid = half / "usr/sbin/policy-rc.d"  # no service starts in there
    forbid.write_text("#!/bin/sh\nexit 101\n")
    forbid.chmod(0o755)
    run_quietly("chroot", str(half), "apt-get", "update")
    run_quietly("chroot", str(half), "apt-get", "install", "-y", "--no-install-recommends", *packages)
    run_quietly("chroot", str(half), "apt-get", "clean")
    half.rename(root)


def run_quietly(*argv: str) -> None:
    """Raises RuntimeError with the end of its output if it fails."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise RuntimeError(f"'{' '.join(argv[:4])} …' failed:\n{done.stdout[-2000:]}")
