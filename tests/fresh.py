"""`make test-fresh`: the README's two commands on a machine that has never seen Velatura.

A copy of a minimal Debian with no more than the README names, with a /tmp and homes of its own; the tree as it lies
here, without what git ignores. `make demo` runs as a user who is not root, `make test` as root, since some tests fill
disks of their own. Of this machine only what leads to the package index is handed over: the file of certificates, pip's
configuration, the proxies. Stdlib only: it runs before anything is installed. Needs root.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.debian_root import command_in, debian_root, run_quietly

SUITE = "bookworm"  # the oldest Debian that is supported and has a Python that is new enough
PACKAGES = (
    "python3",
    "python3-venv",
    "make",
    "ca-certificates",
)  # as the README says; certificates come with any real installation
TREE = Path(__file__).parents[1]
USER = "painter"
CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
PIP_FILES = ("/etc/pip.conf", "/etc/xdg/pip", "~/.config/pip", "~/.pip")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the copy goes, however this ends
    try:
        root = debian_root(SUITE, PACKAGES, f"with {', '.join(PACKAGES)} (400 MB, a minute)")
    except RuntimeError as error:
        sys.exit(f"test-fresh: {error}")
    folder = Path(tempfile.mkdtemp(prefix="velatura-fresh-"))
    fresh = folder / "root"
    try:
        run_quietly("cp", "-a", "--reflink=auto", str(root), str(fresh))
        run_quietly("chroot", str(fresh), "useradd", "--create-home", USER)
        tree = f"/home/{USER}/velatura"
        _copy_tree(fresh / tree[1:])
        env = _way_to_the_index(fresh)
        run_quietly("chroot", str(fresh), "chown", "-R", USER, f"/home/{USER}")
        as_user = {**env, "HOME": f"/home/{USER}", "USER": USER}
        _run(fresh, ["runuser", "-u", USER, "--", "make", "-C", tree, "demo"], as_user)
        _run(fresh, ["make", "-C", tree, "test"], {**env, "HOME": "/root", "USER": "root"})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(root: Path, argv: list[str], env: dict[str, str]) -> None:
    print(f"test-fresh: {' '.join(argv[-3:])}", flush=True)
    began = time.monotonic()
    done = subprocess.run(
        command_in(root, argv, env, shared=_folders_for_pip(root), own_tmp=False), stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        sys.exit(f"test-fresh: '{' '.join(argv[-3:])}' failed with code {done.returncode}")
    print(f"test-fresh: done in {time.monotonic() - began:.0f} s", flush=True)


def _copy_tree(target: Path) -> None:
    """What git tracks, and what it would not ignore, as it lies here."""
    ask = ["git", "-C", str(TREE), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(ask, stdout=subprocess.PIPE, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, copy = TREE / name, target / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)


def _way_to_the_index(root: Path) -> dict[str, str]:
    """Hand over certificates, pip's configuration and proxies. Returns the environment."""
    names = [name for name in os.environ if name.startswith("PIP_") or name in (*CERTIFICATES, *PROXIES)]
    for name in CERTIFICATES:
        file = Path(os.environ.get(name, ""))
        if name in os.environ and file.is_file():
            copy = root / str(file)[1:]
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
    for name in PIP_FILES:
        source = Path(name).expanduser()
        for home in ("/root", f"/home/{USER}") if name.startswith("~") else ("",):
            target = root / (home + name.removeprefix("~"))[1:]
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            elif source.is_file():
                shutil.copy(source, target)
    path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    return {**{name: os.environ[name] for name in names}, "PATH": path, "LANG": "C.UTF-8"}


def _folders_for_pip(root: Path) -> list[Path]:
    """Folders of this machine that pip's configuration takes packages from."""

    def said() -> Iterator[str]:
        yield from (value for name, value in os.environ.items() if name.startswith("PIP_"))
        for name in PIP_FILES:
            source = Path(name).expanduser()
            for file in [source] if source.is_file() else source.rglob("*.conf"):
                yield file.read_text(errors="replace")

    found = [Path(path) for text in said() for path in re.findall(r"(?:file://|(?<![\w:/.]))(/[\w./-]+)", text)]
    folders = {
        path.parent if path.name == "simple" else path for path in found if path.is_dir()
    }  # an index refers to files beside it
    return sorted(folder for folder in folders if not (root / str(folder)[1:]).exists())


if __name__ == "__main__":
    main()
