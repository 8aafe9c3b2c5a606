"""Runs a plan step by step, and removes what it has made. Blocks: editors run it on a thread.

A set-up that was killed at any moment is taken up by the next one: an environment without its stamp is made again from
what was downloaded, and one with a stamp keeps working until its update is complete.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping

from velatura.app_dirs import AppDirs, make_private_folder
from velatura.client.locks import Lock
from velatura.errors import DiskTrouble, SetUpImpossible, VelaturaError
from velatura.i18n import lazy_text
from velatura.setup.daemon import stop_daemon
from velatura.setup.environment import READY, Environment, Stamp, sha256, size_of
from velatura.setup.events import Failed, Finished, OnEvent, StepStarted
from velatura.setup.packages import Packages
from velatura.setup.plan import INSTALL, UPDATE, Plan, free_space, no_space
from velatura.setup.process import Runner
from velatura.setup.source import OWN, has_own_index, without_uv

LOCK_PATIENCE = 3.0  # seconds: for the pip of a set-up that was just killed to end
AT_WORK = lazy_text("Another program is already setting up Velatura. Wait until it is done, then try again.")


def set_up(
    plan: Plan, on_event: OnEvent, cancel: threading.Event | None = None, env: Mapping[str, str] | None = None
) -> bool:
    """Carry out a plan. The last event is Finished or Failed; returns whether it is Finished.

    on_event: called on this thread. cancel: set it to stop; what was downloaded is kept.
    """
    started = time.monotonic()
    environment = Environment(plan.dirs)
    try:
        with only_one(plan.dirs), as_sentences(environment):
            run = _Run(plan, environment, on_event, cancel or threading.Event(), os.environ if env is None else env)
            run.carry_out()
            size = size_of(environment.folder)
        on_event(Finished(plan.wheel.version, size, time.monotonic() - started))
        return True
    except VelaturaError as error:
        on_event(Failed(error))
        return False


def remove(dirs: AppDirs) -> bool:
    """Delete the environment. Returns False if there was none. Raises VelaturaError."""
    environment = Environment(dirs)
    with only_one(dirs), as_sentences(environment):
        stop_daemon(environment)
        return environment.remove()


class _Run:
    """One set-up, while it holds the lock."""

    def __init__(
        self, plan: Plan, environment: Environment, on_event: OnEvent, cancel: threading.Event, env: Mapping[str, str]
    ) -> None:
        self._plan, self._environment, self._on_event, self._env = plan, environment, on_event, env
        self._log = plan.dirs.setup_log
        self._runner = Runner(plan.python.path, self._log, on_event, cancel)
        self._packages = Packages(environment, self._runner, env, on_event)

    def carry_out(self) -> None:
        """Raises VelaturaError, OSError."""
        plan, environment = self._plan, self._environment
        if plan.action == INSTALL and environment.state(plan.wheel.path) == READY:
            return  # another set-up has done it since the plan was made
        self._begin_log()
        plan.check_space()
        stop_daemon(environment)
        environment.claim()
        self._packages.prepare_downloads()
        wheel = environment.keep_wheel(plan.wheel.path)
        self._environment_and_packages()
        self._step(3, lazy_text("Installing Velatura {version}", version=plan.wheel.version))
        environment.forget_build()
        self._packages.install_wheel(wheel)
        self._step(4, lazy_text("Checking the installation"))
        found = self._packages.check()
        environment.write_stamp(
            Stamp(plan.wheel.version, sha256(wheel), found["build"], found["python"], found["torch"])
        )
        environment.discard(environment.downloads)
        versions = (
            f"Velatura {plan.wheel.version}, PyTorch {found['torch']}, Python {found['python']}"  # not translated
        )
        self._runner.note(f"Set up: {versions}")  # not translated

    def _environment_and_packages(self) -> None:
        plan, environment, needs = self._plan, self._environment, self._plan.wheel.needs
        if plan.action == UPDATE:
            self._step(2, lazy_text("Updating the other packages"))
            self._packages.install(needs, plan.source)
            return
        self._step(1, lazy_text("Creating the environment"))
        self._packages.make_venv(plan.python)
        self._packages.renew_pip()
        planned = plan.source
        if has_own_index(environment.python, self._env):  # the Python of the plan may have had no pip to ask
            planned = OWN
        self._step(2, lazy_text("Installing {build} and the other packages", build=planned.build))
        if planned.backend and self._packages.install_with_uv(needs, planned):
            return
        source = without_uv(planned)
        if source is not planned:
            why = "PyTorch's own package index could not be used; going on with pip."  # not translated: for the log
            self._runner.note(why)
            self._check_space_for(source.space)
            self._step(2, lazy_text("Installing {build} and the other packages", build=source.build))
        self._packages.install(needs, source)

    def _check_space_for(self, needed: int) -> None:
        needed -= min(needed, size_of(self._environment.folder))
        if free_space(self._environment) < needed:
            raise SetUpImpossible(no_space(self._plan.dirs, needed, free_space(self._environment)))

    def _step(self, number: int, what: str) -> None:
        self._runner.check()
        self._runner.note(f"--- {what}")
        left_out = 1 if self._plan.action == UPDATE else 0  # the first step
        self._on_event(StepStarted(what, number - left_out, 4 - left_out))

    def _begin_log(self) -> None:
        """Start the log anew, private: pip may quote the addresses of the user's own index."""
        self._log.unlink(missing_ok=True)
        os.close(os.open(self._log, os.O_WRONLY | os.O_CREAT, 0o600))
        plan = self._plan
        self._runner.note(f"--- {plan.action}: Velatura {plan.wheel.version} in {self._environment.folder}")
        self._runner.note(f"{plan.python}; {plan.source.build}; {plan.free / 1e9:.1f} GB free")  # not translated


@contextlib.contextmanager
def only_one(dirs: AppDirs) -> Iterator[None]:
    """Hold the lock of set-ups. Raises SetUpImpossible if another one runs, DiskTrouble."""
    make_private_folder(dirs.state)
    try:
        lock = Lock(dirs.setup_lock)
    except OSError as error:
        raise DiskTrouble(
            lazy_text(
                "{path} cannot be written ({why}). Give yourself write permission.",
                path=dirs.setup_lock,
                why=error.strerror,
            )
        ) from error
    try:
        if not lock.acquire(LOCK_PATIENCE):
            raise SetUpImpossible(AT_WORK)
        yield
    finally:
        lock.close()


@contextlib.contextmanager
def as_sentences(environment: Environment) -> Iterator[None]:
    """Turn OSError into DiskTrouble."""
    try:
        yield
    except (OSError, shutil.Error) as error:
        what = getattr(error, "strerror", None) or str(error)
        where = getattr(error, "filename", None) or environment.folder
        raise DiskTrouble(
            lazy_text(
                "{path} cannot be written ({why}). Free some space or make the folder writable, then set up again; "
                "downloaded files are kept.",
                path=where,
                why=what,
            )
        ) from error
