"""The set-up in a terminal: `velatura setup`, and `python -m velatura.setup` where nothing is installed yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from velatura.app_dirs import AppDirs
from velatura.i18n import _, sentences, translated
from velatura.setup.environment import OUTDATED, READY, Environment, size_of
from velatura.setup.events import Event, Failed, Finished, Progress, StepStarted
from velatura.setup.plan import UPDATE, available_wheel, make_plan
from velatura.setup.run import remove, set_up

REPORT_EVERY = 10.0  # seconds
STATES = {
    "missing": _("Velatura is not set up."),
    "unfinished": _("The set-up was interrupted. Run it again to continue."),
    "outdated": _("Velatura {version} is set up; another version is available. Update it with --update."),
    "broken": _("Velatura {version} is set up, but its Python is missing. Repair it with --repair."),
    "ready": _("Velatura {version} is set up, with PyTorch {torch} and Python {python}."),
}
Echo = Callable[[str], object]


@dataclass
class _Printer:
    """Prints events: each step, and the downloaded bytes now and then."""

    echo: Echo
    shown_at: float = field(default_factory=time.monotonic)
    error: str = ""

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        if isinstance(event, StepStarted):
            self.echo(f"{event.number}/{event.of} {translated(event.what)}")
            self.shown_at = now
        elif isinstance(event, Progress) and event.done and now - self.shown_at >= REPORT_EVERY:
            of_total, alone = _("{done:.2f} GB of about {total:.1f} GB downloaded"), _("{done:.2f} GB downloaded")
            text = of_total if event.total else alone
            self.echo("    " + text.format(done=event.done / 1e9, total=(event.total or 0) / 1e9))
            self.shown_at = now
        elif isinstance(event, Finished):
            text = _("Velatura {version} is set up: {size:.1f} GB, {seconds:.0f} s.")
            self.echo(text.format(version=event.version, size=event.size / 1e9, seconds=event.seconds))
        elif isinstance(event, Failed):
            self.error = event.error.local_sentence


def show_status(dirs: AppDirs, echo: Echo) -> bool:
    """Print whether Velatura is set up. Returns whether its daemon can be started."""
    environment = Environment(dirs)
    stamp, state = environment.read_stamp(), environment.state(available_wheel(dirs))
    fields = {"version": stamp.version, "torch": stamp.torch, "python": stamp.python} if stamp else {}
    echo(STATES[state].format(**fields))
    if stamp or environment.folder.exists():
        echo(_("{folder}: {size:.1f} GB").format(folder=environment.folder, size=size_of(environment.folder) / 1e9))
    return state in (READY, OUTDATED)


def run(dirs: AppDirs, echo: Echo, *, wheel: Path | None = None, repair: bool = False) -> str:
    """Set up, update or repair. Returns '' or what went wrong, in the user's language. Raises VelaturaError."""
    state = Environment(dirs).state(wheel or available_wheel(dirs))
    if state == READY and not repair:
        show_status(dirs, echo)
        return ""
    plan = make_plan(dirs, wheel=wheel, repair=repair)
    version, folder, source = plan.wheel.version, dirs.environment, plan.source
    if plan.action == UPDATE:
        echo(_("Updating to Velatura {version} in {folder}").format(version=version, folder=folder))
    else:
        echo(_("Setting up Velatura {version} in {folder}").format(version=version, folder=folder))
        with_download = _("{build} (about {download:.1f} GB to download, {size:.1f} GB of disk space), {python}")
        text = with_download if source.download else _("{build} (about {size:.1f} GB of disk space), {python}")
        gigabytes = {"download": source.download / 1e9, "size": source.size / 1e9}
        echo(text.format(build=source.build, python=plan.python, **gigabytes))
    printer = _Printer(echo)
    set_up(plan, printer)
    if not printer.error:
        return ""
    problem: str = translated(sentences(printer.error, _("The log is {path}").format(path=dirs.setup_log)))
    return problem


def delete(dirs: AppDirs, echo: Echo) -> None:
    """Remove what was set up. Raises VelaturaError."""
    folder = dirs.environment
    if remove(dirs):
        echo(_("Removed {folder}").format(folder=folder))
    else:
        echo(_("Velatura is not set up: there is nothing to remove."))
