"""`velatura doctor`: check the installation and report problems, with what to do about them."""

from __future__ import annotations

import importlib.metadata
import itertools
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from velatura import __version__
from velatura.app_dirs import AppDirs, app_dirs
from velatura.client.client import running_daemon
from velatura.client.launch import Launcher, recorded_launcher
from velatura.errors import VelaturaError
from velatura.i18n import _, lazy_list, lazy_text, translated
from velatura_daemon.cli.status import NONE, NOT_CONNECTED, describe_devices, fallback_notice, remote_name, state_name
from velatura_daemon.config import DaemonConfig, default_megapixels
from velatura_daemon.terminal.console import echo
from velatura_daemon.terminal.help_pages import Command

NEEDED = ("torch", "torchvision", "pillow", "pyzmq", "msgpack", "numpy", "safetensors", "tifffile", "imagecodecs")
MIN_FREE_DISK = 2e9  # bytes


@dataclass(frozen=True)
class Finding:
    """The result of one check. what: what was checked, for the user. to_do: what to do about a problem, or a hint."""

    ok: bool
    what: str
    to_do: str = ""


Check = Callable[[AppDirs], Iterator[Finding]]


@click.command(
    cls=Command, help=_("Check the installation and report problems. The exit code is 1 if something is broken.")
)
@click.option(
    "--remote",
    multiple=True,
    metavar=_("[USER@]HOST[:PATH]"),
    help=_(
        "Check only the connection to this machine. Default: the machines of the last 'velatura daemon start --remote'."
    ),
)
@click.option("--ssh", default="", show_default=False, metavar=_("COMMAND"), help=_("The ssh command for --remote."))
def doctor(remote: tuple[str, ...], ssh: str) -> None:
    dirs = app_dirs()
    healthy = True
    everything = (_python, _packages, _devices, _weights, _folders, _launcher, _krita, _gimp, _daemon, _remotes)
    only_remote = (lambda dirs: _walk(dirs, remote, ssh or DaemonConfig.ssh),)
    checks: tuple[Check, ...] = only_remote if remote else everything
    for check in checks:
        for finding in _safely(check, dirs):
            healthy = healthy and finding.ok
            echo(f"{'ok ' if finding.ok else '!! '} {translated(finding.what)}")
            if finding.to_do:
                echo(f"      → {translated(finding.to_do)}")
    echo(_("Everything is fine.") if healthy else _("There are problems: see the lines that start with !!."))
    raise SystemExit(0 if healthy else 1)


def _safely(check: Check, dirs: AppDirs) -> Iterator[Finding]:
    try:
        yield from check(dirs)
    except VelaturaError as error:
        yield Finding(False, error.sentence)
    except Exception as error:
        yield Finding(
            False,
            # Translators: check: the English name of what was checked, such as “weights”.
            lazy_text("The check for {check} failed: {error}", check=check.__name__.strip("_"), error=str(error)),
            _("Please report this line as a bug."),
        )


def _python(dirs: AppDirs) -> Iterator[Finding]:
    versions = f"Velatura {__version__}, Python {platform.python_version()}"  # not translated: names
    yield Finding(True, f"{versions}, {platform.platform()}")


def _packages(dirs: AppDirs) -> Iterator[Finding]:
    versions, missing = [], []
    for name in NEEDED:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    yield Finding(True, ", ".join(versions))
    if missing:
        yield Finding(
            False,
            # Translators: packages of Python.
            lazy_text("not installed: {packages}", packages=", ".join(missing)),
            _("Run 'make demo' in the clone again."),
        )


def _devices(dirs: AppDirs) -> Iterator[Finding]:
    from velatura_daemon.engine.devices import choose_device, devices, kind_name, unused

    first, *others = devices()
    kind = choose_device("auto").type
    facts = [first.label]
    if kind != "cpu":
        facts.append(kind_name(kind))
    if first.memory:
        facts.append(lazy_text("{gigabytes:.0f} GB", gigabytes=first.memory / 1e9))
    # Translators: device: a device to compute on, its kind and its memory.
    device = lazy_text(
        "device: {device}; pictures up to {megapixels:g} megapixels",
        device=lazy_list(facts),
        megapixels=default_megapixels(),
    )
    yield Finding(True, device)
    if others:
        labels = lazy_list([device.label for device in others])
        yield Finding(True, lazy_text("other devices, for --device: {devices}", devices=labels))
    for kind, reason in unused().items():
        no_cuda = kind == "cuda" and "built without" in reason  # not translated: a part of the English reason
        missing_build = no_cuda and shutil.which("nvidia-smi") is not None
        hint = _("Install a PyTorch with CUDA: https://pytorch.org/get-started/locally/") if missing_build else ""
        # Translators: devices to compute on. reason: a sentence.
        yield Finding(True, lazy_text("not used: {reason}", reason=reason), hint)


def _weights(dirs: AppDirs) -> Iterator[Finding]:
    from velatura.errors import BadWeights
    from velatura_daemon.models.load import load_network
    from velatura_daemon.models.store import WeightStore

    try:
        label = load_network(WeightStore(dirs).resolve("auto"))[1]
        yield Finding(True, lazy_text("weights: {weights}", weights=label))
    except BadWeights as error:
        yield Finding(False, _("weights: unusable"), error.sentence)


def _folders(dirs: AppDirs) -> Iterator[Finding]:
    folder = dirs.cache
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    yield Finding(
        free > MIN_FREE_DISK,
        lazy_text("disk: {gigabytes:.1f} GB free under {folder}", gigabytes=free / 1e9, folder=str(folder)),
        "" if free > MIN_FREE_DISK else _("Free some space there: it holds the pictures of running jobs."),
    )
    yield Finding(True, lazy_text("log: {file} ('velatura daemon logs' shows it)", file=str(dirs.log_file)))


def _launcher(dirs: AppDirs) -> Iterator[Finding]:
    launcher = recorded_launcher(dirs)
    if launcher is None:
        yield Finding(
            True,
            _("no command for starting the daemon is recorded for the editors yet"),
            _("Run 'velatura daemon start' once."),
        )
    elif shutil.which(launcher.command[0]) is None:
        yield Finding(
            False,
            lazy_text(
                "the recorded command for starting the daemon does not exist: {command}", command=launcher.command[0]
            ),
            _("Run 'velatura daemon start' once."),
        )
    else:
        command = " ".join(launcher.command)
        yield Finding(True, lazy_text("editors start the daemon with: {command}", command=command))


def _krita(dirs: AppDirs) -> Iterator[Finding]:
    from velatura_daemon.plugins import krita

    yield from _plugin(krita, krita.krita_homes())


def _gimp(dirs: AppDirs) -> Iterator[Finding]:
    from velatura_daemon.plugins import gimp

    yield from _plugin(gimp, gimp.gimp_homes())
    for version in gimp.unsupported_versions():
        yield Finding(True, gimp.UNSUPPORTED.format(version=version))


def _plugin(plugin: Any, homes: list[Any]) -> Iterator[Finding]:
    """plugin: the module `plugins.krita` or `plugins.gimp`."""
    install = f"velatura install {plugin.EDITOR.lower()}"  # not translated: a command
    homes = list(plugin.used_homes(homes))
    if not homes:
        yield Finding(True, lazy_text("{editor}: not installed, or never started by this user", editor=plugin.EDITOR))
    for home in homes:
        state = plugin.state_of(home)
        if not state.installed:
            yield Finding(
                True,
                # Translators: editor: its name and version.
                lazy_text("{editor}: the plugin is not installed", editor=home.label),
                lazy_text("To install it, run '{command}'.", command=install),
            )
        elif state.problem:
            yield Finding(
                False,
                # Translators: editor: its name and version. problem: a clause such as “the plugin is disabled in …”
                lazy_text("{editor}: {problem}", editor=home.label, problem=state.problem),
                lazy_text("Run '{command}', then restart {editor}.", command=install, editor=plugin.EDITOR),
            )
        else:
            yield Finding(True, lazy_text("{editor}: the plugin is installed and enabled", editor=home.label))


def _daemon(dirs: AppDirs) -> Iterator[Finding]:
    client = running_daemon(dirs)
    if client is None:
        yield Finding(True, _("daemon: not running; it starts with the first restyle"))
        return
    with client:
        report = client.status()
    # Translators: pid: the number of its process. addresses: where it is reached.
    running = lazy_text(
        "daemon: pid {pid}, listening at {addresses}", pid=str(report["pid"]), addresses=", ".join(report["endpoints"])
    )
    worker, remote, devices = report["worker"], remote_name(report), describe_devices(report)
    if notice := fallback_notice(report):
        yield Finding(
            False,
            # Translators: daemon: such as “daemon: pid 1, listening at …”, here and in the next ones. notice: such as
            # “the Ray cluster at … cannot be reached; jobs run on this machine meanwhile”.
            lazy_text("{daemon}; {notice}", daemon=running, notice=notice),
            _("Check that it is running and reachable from this machine. The log shows the attempts."),
        )
    elif remote:
        state = state_name(worker.get("state", NOT_CONNECTED))
        # Translators: place: such as “the Ray cluster at …”, or names of machines.
        what = lazy_text("{daemon}; jobs run on {place} ({state})", daemon=running, place=remote, state=state)
        yield Finding(True, what)
    elif devices:
        what = lazy_text(
            "{daemon}; network loaded on {devices} with {weights}",
            daemon=running,
            devices=devices,
            weights=worker.get("weights", NONE),
        )
        yield Finding(True, what)
    else:
        yield Finding(True, lazy_text("{daemon}; no worker yet; one starts with the next job", daemon=running))


def _remotes(dirs: AppDirs) -> Iterator[Finding]:
    """The machines of the recorded command."""
    launcher = recorded_launcher(dirs)
    if launcher is not None:
        yield from _walk(
            dirs, values_of("--remote", launcher), (values_of("--ssh", launcher) or (DaemonConfig.ssh,))[-1]
        )


def values_of(option: str, launcher: Launcher) -> tuple[str, ...]:
    """Return the values of an option in a recorded command, as `as_arguments` writes it."""
    pairs = itertools.pairwise(launcher.command)
    return tuple(value for name, value in pairs if name == option)


def _walk(dirs: AppDirs, remote: Sequence[str], ssh: str) -> Iterator[Finding]:
    from velatura_daemon.executors.remote.walk import walk

    for target in remote:
        for step in walk(target, ssh, dirs):
            yield Finding(step.ok, step.what, step.hint)
