"""What a set-up would do on this machine, before anything is changed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from velatura.app_dirs import AppDirs
from velatura.client.sandbox import Sandbox, find_sandbox
from velatura.errors import SetUpImpossible
from velatura.i18n import lazy_text
from velatura.setup.environment import Environment, size_of
from velatura.setup.find_python import Python, find_python
from velatura.setup.source import Source, choose_source, has_own_index
from velatura.setup.wheel import Wheel, carried_wheel, read_wheel

INSTALL, UPDATE, REPAIR = "install", "update", "repair"
UPDATE_SPACE = 500_000_000  # bytes: newer versions of some packages
GB = 1e9


@dataclass(frozen=True)
class Plan:
    """action: INSTALL, UPDATE or REPAIR. python: makes the environment. space: bytes that are still needed on the disk
    of the environment, about. free: bytes that are free there."""

    action: str
    dirs: AppDirs
    python: Python
    wheel: Wheel
    source: Source
    space: int
    free: int

    def check_space(self) -> None:
        """Raise SetUpImpossible if the disk has too little space."""
        if self.free < self.space:
            raise SetUpImpossible(no_space(self.dirs, self.space, self.free))


def available_wheel(dirs: AppDirs) -> Path | None:
    """Return the wheel that a set-up installs: the one that this `velatura` came with, or the one installed last."""
    return carried_wheel() or Environment(dirs).wheel


def make_plan(
    dirs: AppDirs, *, wheel: Path | None = None, repair: bool = False, env: Mapping[str, str] | None = None
) -> Plan:
    """Look at this machine. It takes seconds, so editors call it on a thread.

    wheel: of Velatura, by default `available_wheel`. repair: make the environment again. Raises SetUpImpossible.
    """
    env = os.environ if env is None else env
    sandbox = find_sandbox(env, dirs=dirs)
    if sandbox is not None:
        raise SetUpImpossible(
            lazy_text(
                "This editor runs in a sandbox, where the daemon would end with it. Run this in a terminal, then try "
                "again: {command}",
                command=command_for_terminal(sandbox),
            )
        )
    path = wheel or available_wheel(dirs)
    if path is None:
        raise SetUpImpossible(
            lazy_text(
                "This copy of Velatura comes without a wheel to install. Use the plugin's zip file from a release, or "
                "give a wheel: velatura setup --wheel FILE"
            )
        )
    about, environment = read_wheel(path), Environment(dirs)
    stamp, works = environment.read_stamp(), os.access(environment.python, os.X_OK)
    if stamp is not None and works and not repair:
        action, python = UPDATE, Python(environment.python, tuple(int(n) for n in re.findall(r"\d+", stamp.python)[:3]))
    else:
        action = INSTALL if stamp is None else REPAIR
        python = find_python(env, apart_from=environment.folder)
    source = choose_source(has_own_index(python.path, env), env)
    space = UPDATE_SPACE if action == UPDATE else max(0, source.space - size_of(environment.folder))
    return Plan(action, dirs, python, about, source, space, free_space(environment))


def free_space(environment: Environment) -> int:
    """Return the bytes that are free where the environment is, or will be."""
    folder = environment.folder
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def no_space(dirs: AppDirs, needed: int, free: int) -> str:
    """Return the sentence for a disk with too little space."""
    return lazy_text(
        "{folder} needs about {needed:.1f} GB, but only {free:.1f} GB are free there. Free some space, then set up "
        "again.",
        folder=dirs.environment,
        needed=needed / GB,
        free=free / GB,
    )


def command_for_terminal(sandbox: Sandbox) -> str:
    """Return the command that runs the set-up of this very `velatura` in a terminal outside of a sandbox."""
    lib = Path(sys.modules["velatura"].__file__ or "").parents[1]
    return f"cd {shlex.quote(str(lib))} && {sandbox.terminal_command('python3 -m velatura.setup')}"
