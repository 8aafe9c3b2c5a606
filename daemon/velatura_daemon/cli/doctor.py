"""`velatura doctor`: what is installed, found, listening and warm, and what to do about what is not."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click

from velatura import __version__
from velatura.app_dirs import AppDirs, app_dirs
from velatura.client.client import running_daemon
from velatura.client.launch import recorded_launcher
from velatura.errors import VelaturaError
from velatura_daemon.cli.status import devices_in_words, elsewhere, stand_in
from velatura_daemon.config import sensible_megapixels

NEEDED = ("torch", "torchvision", "pillow", "pyzmq", "msgpack", "numpy", "safetensors", "tifffile", "imagecodecs")
LEAST_DISK = 2e9  # bytes


@dataclass(frozen=True)
class Finding:
    """ok: True fine, False broken. what: seen. to_do: where it is not fine."""

    ok: bool
    what: str
    to_do: str = ""


@click.command()
def doctor() -> None:
    """Say what is there and what is not. Exit code 1 where something is broken."""
    where = app_dirs()
    healthy = True
    for check in (_python, _packages, _devices, _weights, _folders, _launcher, _krita, _gimp, _daemon):
        for finding in _safely(check, where):
            healthy = healthy and finding.ok
            click.echo(f"{'ok ' if finding.ok else '!! '} {finding.what}")
            if finding.to_do:
                click.echo(f"      → {finding.to_do}")
    click.echo("All is well." if healthy else "Something needs a hand: see the lines with !!.")
    raise SystemExit(0 if healthy else 1)


def _safely(check: Callable[[AppDirs], Iterator[Finding]], where: AppDirs) -> Iterator[Finding]:
    try:
        yield from check(where)
    except VelaturaError as error:
        yield Finding(False, error.sentence)
    except Exception as error:
        yield Finding(
            False, f"The check for {check.__name__.strip('_')} failed: {error}", "Please send this line with a report."
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
        True, f"device: {device_label(choose_device('auto'))}; pictures up to {sensible_megapixels():g} megapixels"
    )


def _weights(where: AppDirs) -> Iterator[Finding]:
    from velatura.errors import BadWeights
    from velatura_daemon.models.load import load_network
    from velatura_daemon.models.store import WeightStore

    try:
        _, label = load_network(WeightStore(where).resolve("auto"))
        yield Finding(True, f"weights: {label}")
    except BadWeights as error:
        yield Finding(False, "weights: unusable", str(error))


def _folders(where: AppDirs) -> Iterator[Finding]:
    folder = where.cache
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    yield Finding(
        free > LEAST_DISK,
        f"disk: {free / 1e9:.1f} GB free under {folder}",
        "" if free > LEAST_DISK else "Make room there: pictures in work lie in it.",
    )
    yield Finding(True, f"log: {where.log_file} ('velatura daemon logs' shows it)")


def _launcher(where: AppDirs) -> Iterator[Finding]:
    launcher = recorded_launcher(where)
    if launcher is None:
        yield Finding(True, "editors do not know yet how to start the daemon", "Run 'velatura daemon start' once.")
    elif shutil.which(launcher.command[0]) is None:
        yield Finding(
            False, f"the recorded daemon command is gone: {launcher.command[0]}", "Run 'velatura daemon start' once."
        )
    else:
        yield Finding(True, f"editors start the daemon with: {' '.join(launcher.command)}")


def _krita(_: AppDirs) -> Iterator[Finding]:
    from velatura_daemon.plugins import krita

    yield from _plugin(krita, krita.krita_homes())


def _gimp(_: AppDirs) -> Iterator[Finding]:
    from velatura_daemon.plugins import gimp

    yield from _plugin(gimp, gimp.gimp_homes())
    for version in gimp.unserved():
        yield Finding(True, gimp.NOT_SERVED.format(version=version))


def _plugin(plugin: Any, homes: list[Any]) -> Iterator[Finding]:
    """plugin: the module that knows this editor's folders."""
    install = f"velatura install {plugin.EDITOR.lower()}"
    homes = list(plugin.used_homes(homes))
    if not homes:
        yield Finding(True, f"{plugin.EDITOR}: none has been started by this user yet")
    for home in homes:
        state = plugin.state_of(home)
        if not state.installed:
            yield Finding(True, f"{home.kind}: without the plugin", f"For it: '{install}'.")
        elif state.trouble:
            yield Finding(False, f"{home.kind}: {state.trouble}", f"Run '{install}', and start {plugin.EDITOR} anew.")
        else:
            yield Finding(True, f"{home.kind}: the plugin is there and switched on")


def _daemon(where: AppDirs) -> Iterator[Finding]:
    client = running_daemon(where)
    if client is None:
        yield Finding(True, "daemon: not running; it starts with the first restyle")
        return
    with client:
        report = client.status()
    there = f"daemon: pid {report['pid']}, listening at {', '.join(report['endpoints'])}"
    worker, far, devices = report["worker"], elsewhere(report), devices_in_words(report)
    if waits := stand_in(report):
        yield Finding(
            False,
            f"{there}; {waits}",
            "See that it runs there, and that this machine can reach it: the log says what was tried.",
        )
    elif far:
        yield Finding(True, f"{there}; the work is done by {far} ({worker.get('state', 'not asked yet')})")
    elif devices:
        yield Finding(True, f"{there}; warm on {devices} with {worker.get('weights', '–')}")
    else:
        yield Finding(True, f"{there}; no worker yet: it comes with the next job")
