"""`velatura daemon run|start|stop|status`."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from velatura.app_dirs import app_dirs
from velatura.client.client import running_daemon
from velatura.client.launch import record_launcher, recorded_launcher, restore_launcher
from velatura.client.locks import is_held
from velatura.errors import DaemonCannotStart, DaemonLost
from velatura_daemon.cli.status import rows
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.factory import KINDS

STOP_PATIENCE = 10.0  # seconds


@click.group()
def daemon() -> None:
    """The process in the background that holds the network."""


def _default(name: str) -> Any:
    return next(f.default for f in dataclasses.fields(DaemonConfig) if f.name == name)


def _names(_: click.Context, __: click.Parameter, said: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in said.split(",") if name.strip())


def _absolute(_: click.Context, __: click.Parameter, said: str) -> str:
    """Editors start the daemon from another folder."""
    try:
        return str(Path(said).expanduser().absolute()) if said else ""
    except RuntimeError as error:
        raise click.BadParameter(f"{error}") from error


def _seconds(option: str, of: str) -> Callable[..., Any]:
    return click.option(option, default=_default(option[2:].replace("-", "_")), metavar="SECONDS", help=of)


def _words(option: str, metavar: str, of: str) -> Callable[..., Any]:
    return click.option(option, default="", show_default=False, metavar=metavar, help=of)


OPTIONS = (
    click.option("--device", default=_default("device"), help="auto, cpu, cuda, cuda:N or mps."),
    click.option(
        "--devices",
        default="",
        show_default=False,
        metavar="NAMES",
        callback=_names,
        help="A worker for each: cuda:0,cuda:1 or cpu,cpu. Without it: all GPUs, or else the processor.",
    ),
    click.option("--weights", default=_default("weights"), help="What 'auto' means for jobs: vgg19, imagenet, …"),
    click.option("--threads", default=_default("threads"), help="For the arithmetic; 0: one a core."),
    click.option(
        "--memory-megabytes", default=_default("memory_megabytes"), help="What a job may take; 0: half the machine's."
    ),
    click.option("--cache-megabytes", default=_default("cache_megabytes"), help="Memory for warm targets."),
    click.option("--spool-megabytes", default=_default("spool_megabytes"), help="Disk for pictures in work."),
    click.option(
        "--max-megapixels", default=_default("max_megapixels"), help="Largest picture; 0: what the memory can hold."
    ),
    _seconds("--worker-seconds", "Give the device back after that long idle."),
    _seconds("--exit-seconds", "Leave after that long idle; 0: never."),
    _seconds("--keep-seconds", "How often the picture in work is left on the disk."),
    _seconds("--hang-seconds", "A worker that gives no sign of life for so long is ended, and its job put back once."),
    _seconds("--heartbeat", "A client silent for two is taken for gone."),
    _seconds("--park-seconds", "How long a silent client's job is kept."),
    click.option(
        "--tcp/--no-tcp", default=_default("tcp"), help="Also listen on 127.0.0.1: sandboxed editors need it."
    ),
    click.option(
        "--upstream",
        default="",
        show_default=False,
        metavar="FILE",
        callback=_absolute,
        help="Have the work done by another daemon of yours: the one that wrote this connection file.",
    ),
    click.option(
        "--executor",
        default=_default("executor"),
        type=click.Choice(KINDS),
        help="Who does the work: this machine, the daemon of --upstream, or the Ray cluster of --address.",
    ),
    _words("--address", "ray://HOST:10001", "Of the Ray cluster (docs/farm.md)."),
    click.option("--max-actors", default=_default("max_actors"), help="Workers that there are in the cluster at most."),
    click.option(
        "--min-actors",
        default=_default("min_actors"),
        help="Workers that are kept in the cluster from the first job on.",
    ),
    click.option(
        "--actor-resources",
        multiple=True,
        metavar="NAME=AMOUNT",
        help="What each takes of a node. Without it: GPU=1, or CPU=1 where the cluster has no GPU.",
    ),
    click.option(
        "--node-labels", multiple=True, metavar="NAME=VALUE", help="Which nodes may be taken, by Ray's labels."
    ),
    _words(
        "--fallback", "local", "local: this machine does the work while --upstream or the cluster cannot be reached."
    ),
)


def told_at_its_start(command: Callable[..., None]) -> Callable[..., None]:
    """All that a daemon can be told: for `run`, and for `start`, which records it for the editors."""
    for option in reversed(OPTIONS):  # as decorators go, the last is the first of --help
        command = option(command)
    return command


@daemon.command()
@told_at_its_start
@click.option("--verbose", is_flag=True, help="The log on the terminal too.")
def run(verbose: bool, **values: Any) -> None:
    """Be the daemon, here, until stopped."""
    from velatura_daemon.daemon_process import run_daemon

    if not run_daemon(app_dirs(), DaemonConfig(**values), to_terminal=verbose):
        click.echo("A daemon is running already; see 'velatura daemon status'.")
    logging.shutdown()


@daemon.command()
@told_at_its_start
def start(**values: Any) -> None:
    """Start it in the background, and record for the editors how that is done, these options with it."""
    from velatura_daemon.terminal.connect import connect, own_launcher

    where = app_dirs()
    before, launcher = recorded_launcher(where), own_launcher(*as_words(values))
    record_launcher(where, launcher)
    began = time.monotonic()
    try:
        with connect() as client:
            client.wait_until_ready()
            report = client.status()
    except DaemonCannotStart:  # an option that cannot be meant: editors go on starting it as they did
        restore_launcher(where, before)
        raise
    took = time.monotonic() - began
    if report["uptime_seconds"] <= took:
        click.echo(f"The daemon is there (pid {report['pid']}), after {took:.2f} s.")
    elif before == launcher:
        click.echo(f"The daemon is there (pid {report['pid']}); it was running already.")
    else:
        click.echo(
            f"A daemon was running already (pid {report['pid']}) and goes on as it was started. What you have said now "
            "is recorded for its "
            "next start: 'velatura daemon stop', then this command again."
        )


def as_words(values: dict[str, Any]) -> list[str]:
    """Options as a command line says them; those that say what is so anyway are left out."""
    words = []
    for name, value in values.items():
        option = name.replace("_", "-")
        if name == "devices":
            value = ",".join(value)
        for one in value if isinstance(value, tuple) else (value,):
            if one in ("", _default(name)):
                continue
            words += (
                [f"--{option}" if one else f"--no-{option}"] if isinstance(one, bool) else [f"--{option}", str(one)]
            )
    return words


@daemon.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with each new line, until Ctrl-C.")
@click.option(
    "-n", "--lines", default=100, type=click.IntRange(min=0), help="How many of the last lines to begin with."
)
def logs(follow: bool, lines: int) -> None:
    """Show the log of the daemon, its workers and its connection to a Ray cluster."""
    from velatura_daemon.cli.logs import show

    show(app_dirs().log_file, lines, follow=follow)


@daemon.command()
def stop() -> None:
    """Stop it; of restyles in work what they had a few seconds ago is kept."""
    where = app_dirs()
    client = running_daemon(where)
    if client is None:
        click.echo("No daemon is running.")
        return
    with client:
        ended = len(client.status()["jobs"])
        client.shut_down()
        end = time.monotonic() + STOP_PATIENCE
        while is_held(where.lock_file):
            client.drain()
            if time.monotonic() > end:
                raise DaemonLost(
                    f"The daemon did not stop within {STOP_PATIENCE:.0f} s. See its log: {where.log_file}."
                )
            time.sleep(0.02)
    kept = f" It had {ended} restyle(s) in work or waiting; 'velatura results list' shows what is kept of them."
    click.echo("The daemon has stopped." + (kept if ended else ""))


@daemon.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(as_json: bool) -> None:
    """What is warm, on which device, with which weights; what is queued. Exit code 1 where none is running."""
    client = running_daemon()
    if client is None:
        click.echo(
            json.dumps({"running": False})
            if as_json
            else "No daemon is running. Start it with 'velatura daemon start'."
        )
        raise SystemExit(1)
    with client:
        report = {"running": True, **client.status()}
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    table = Table(show_header=False, box=None)
    for row in rows(report):
        table.add_row(*row)
    Console().print(table)
