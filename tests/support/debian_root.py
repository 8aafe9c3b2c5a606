"""A minimal Debian in a folder, kept in the user's cache, for tests that need programs this machine lacks, or a system
without anything installed. Standard library only.

A root is named after its content. It is created as `.tmp` and renamed, so that an incomplete one is never used.
Commands in it run in their own mount and process namespaces: when they end, for any reason, nothing stays mounted or
running.
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
    """Return a Debian with these packages, created if needed. purpose: what it is for, with its size. Raises
    RuntimeError if it cannot be created."""
    name = hashlib.sha256("\n".join((suite, *packages)).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "velatura-debian"
    root = cache / f"{suite}-{name}"
    if root.is_dir():
        return root
    if os.geteuid() != 0:
        raise RuntimeError(f"making a Debian root {purpose} needs root")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{root.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # so that two runs at once create one root
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
    """Return a command that runs argv in this root, or on this machine (None), with only this environment.

    shared: folders of this machine that are visible there at the same paths. hidden: folders of the root that are empty
    while the command runs. own_tmp: use a /tmp in memory instead of the root's own.
    """
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
    incomplete = root.with_name(root.name + ".tmp")
    shutil.rmtree(incomplete, ignore_errors=True)
    run_quietly("debootstrap", "--variant=minbase", suite, str(incomplete))
    forbid = incomplete / "usr/sbin/policy-rc.d"  # prevents services from starting in the root
    forbid.write_text("#!/bin/sh\nexit 101\n")
    forbid.chmod(0o755)
    # A mirror may be some weeks old. The signature is still verified.
    run_quietly("chroot", str(incomplete), "apt-get", "-o", "Acquire::Check-Valid-Until=false", "update")
    run_quietly("chroot", str(incomplete), "apt-get", "install", "-y", "--no-install-recommends", *packages)
    run_quietly("chroot", str(incomplete), "apt-get", "clean")
    incomplete.rename(root)


def run_quietly(*argv: str) -> None:
    """Run a command. Raises RuntimeError with the end of its output if it fails."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise RuntimeError(f"'{' '.join(argv[:4])} …' failed:\n{done.stdout[-2000:]}")
