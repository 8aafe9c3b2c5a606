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
from velatura_daemon.cli.status import describe_devices, fallback_notice, remote_name
from velatura_daemon.config import DaemonConfig, default_megapixels

NEEDED = ("torch", "torchvision", "pillow", "pyzmq", "msgpack", "numpy", "safetensors", "tifffile", "imagecodecs")
MIN_FREE_DISK = 2e9  # bytes


@dataclass(frozen=True)
class Finding:
    """The result of one check. what: what was checked, for the user. to_do: what to do about a problem, or a hint."""

    ok: bool
    what: str
    to_do: str = ""


Check = Callable[[AppDirs], Iterator[Finding]]


@click.command()
@click.option(
    "--remote",
    multiple=True,
    metavar="[USER@]HOST[:PATH]",
    help="Check only the way to this machine. Default: those of the last 'velatura daemon start --remote'.",
)
@click.option("--ssh", default="", show_default=False, metavar="COMMAND", help="The command for --remote.")
def doctor(remote: tuple[str, ...], ssh: str) -> None:
    """Check the installation and report problems. The exit code is 1 if something is broken."""
    dirs = app_dirs()
    healthy = True
    everything = (_python, _packages, _devices, _weights, _folders, _launcher, _krita, _gimp, _daemon, _remotes)
    only_remote = (lambda dirs: _walk(dirs, remote, ssh or DaemonConfig.ssh),)
    checks: tuple[Check, ...] = only_remote if remote else everything
    for check in checks:
        for finding in _safely(check, dirs):
            healthy = healthy and finding.ok
            click.echo(f"{'ok ' if finding.ok else '!! '} {finding.what}")
            if finding.to_do:
                click.echo(f"      → {finding.to_do}")
    click.echo("Everything is fine." if healthy else "There are problems: see the lines that start with !!.")
    raise SystemExit(0 if healthy else 1)


def _safely(check: Check, dirs: AppDirs) -> Iterator[Finding]:
    try:
        yield from check(dirs)
    except VelaturaError as error:
        yield Finding(False, error.sentence)
    except Exception as error:
        yield Finding(
            False, f"The check for {check.__name__.strip('_')} failed: {error}", "Please report this line as a bug."
        )


def _python(_: AppDirs) -> Iterator[Finding]:
    yield Finding(True, f"Velatura {__version__}, Python {platform.python_version()}, {platform.platform()}")


def _packages(_: AppDirs) -> Iterator[Finding]:
    versions, missing = [], []
    for name in NEEDED:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    yield Finding(True, ", ".join(versions))
    if missing:
        yield Finding(False, f"not installed: {', '.join(missing)}", "Run 'make demo' in the clone again.")


def _devices(_: AppDirs) -> Iterator[Finding]:
    from velatura_daemon.worker.devices import choose_device, device_label

    yield Finding(
        True, f"device: {device_label(choose_device('auto'))}; pictures up to {default_megapixels():g} megapixels"
    )


def _weights(dirs: AppDirs) -> Iterator[Finding]:
    from velatura.errors import BadWeights
    from velatura_daemon.models.load import load_network
    from velatura_daemon.models.store import WeightStore

    try:
        _, label = load_network(WeightStore(dirs).resolve("auto"))
        yield Finding(True, f"weights: {label}")
    except BadWeights as error:
        yield Finding(False, "weights: unusable", str(error))


def _folders(dirs: AppDirs) -> Iterator[Finding]:
    folder = dirs.cache
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    yield Finding(
        free > MIN_FREE_DISK,
        f"disk: {free / 1e9:.1f} GB free under {folder}",
        "" if free > MIN_FREE_DISK else "Free some space there: it holds the pictures of running jobs.",
    )
    yield Finding(True, f"log: {dirs.log_file} ('velatura daemon logs' shows it)")


def _launcher(dirs: AppDirs) -> Iterator[Finding]:
    launcher = recorded_launcher(dirs)
    if launcher is None:
        yield Finding(
            True,
            "no command for starting the daemon is recorded for the editors yet",
            "Run 'velatura daemon start' once.",
        )
    elif shutil.which(launcher.command[0]) is None:
        yield Finding(
            False,
            f"the recorded command for starting the daemon does not exist:  {launcher.command[0]}",
            "Run 'velatura daemon start' once.",
        )
    else:
        yield Finding(True, f"editors start the daemon with: {' '.join(launcher.command)}")


def _krita(_: AppDirs) -> Iterator[Finding]:
    from velatura_daemon.plugins import krita

    yield from _plugin(krita, krita.krita_homes())


def _gimp(_: AppDirs) -> Iterator[Finding]:
    from velatura_daemon.plugins import gimp

    yield from _plugin(gimp, gimp.gimp_homes())
    for version in gimp.unsupported_versions():
        yield Finding(True, gimp.UNSUPPORTED.format(version=version))


def _plugin(plugin: Any, homes: list[Any]) -> Iterator[Finding]:
    """plugin: the module `plugins.krita` or `plugins.gimp`."""
    install = f"velatura install {plugin.EDITOR.lower()}"
    homes = list(plugin.used_homes(homes))
    if not homes:
        yield Finding(True, f"{plugin.EDITOR}: not installed, or never started by this user")
    for home in homes:
        state = plugin.state_of(home)
        if not state.installed:
            yield Finding(True, f"{home.label}: the plugin is not installed", f"To install it, run '{install}'.")
        elif state.problem:
            yield Finding(False, f"{home.label}: {state.problem}", f"Run '{install}', then restart {plugin.EDITOR}.")
        else:
            yield Finding(True, f"{home.label}: the plugin is installed and enabled")


def _daemon(dirs: AppDirs) -> Iterator[Finding]:
    client = running_daemon(dirs)
    if client is None:
        yield Finding(True, "daemon: not running; it starts with the first restyle")
        return
    with client:
        report = client.status()
    running = f"daemon: pid {report['pid']}, listening at {', '.join(report['endpoints'])}"
    worker, remote, devices = report["worker"], remote_name(report), describe_devices(report)
    if notice := fallback_notice(report):
        yield Finding(
            False,
            f"{running}; {notice}",
            "Check that it is running and reachable from this machine. The log shows the attempts.",
        )
    elif remote:
        yield Finding(True, f"{running}; jobs run on {remote} ({worker.get('state', 'not connected yet')})")
    elif devices:
        yield Finding(True, f"{running}; network loaded on {devices} with {worker.get('weights', '–')}")
    else:
        yield Finding(True, f"{running}; no worker yet; one starts with the next job")


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
