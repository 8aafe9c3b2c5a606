"""`velatura daemon run|start|stop|status|logs`."""

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

STOP_TIMEOUT = 10.0  # seconds


@click.group()
def daemon() -> None:
    """Control the background process that keeps the network loaded."""


def _default(name: str) -> Any:
    return next(f.default for f in dataclasses.fields(DaemonConfig) if f.name == name)


def _comma_separated(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _absolute_path(_: click.Context, __: click.Parameter, value: str) -> str:
    """Make a path absolute: editors start the daemon from another folder."""
    try:
        return str(Path(value).expanduser().absolute()) if value else ""
    except RuntimeError as error:
        raise click.BadParameter(f"{error}") from error


def _seconds_option(option: str, help: str) -> Callable[..., Any]:
    return click.option(option, default=_default(option[2:].replace("-", "_")), metavar="SECONDS", help=help)


def _text_option(option: str, metavar: str, help: str) -> Callable[..., Any]:
    return click.option(option, default="", show_default=False, metavar=metavar, help=help)


OPTIONS = (
    click.option("--device", default=_default("device"), help="Device to compute on: auto, cpu, cuda, cuda:N or mps."),
    click.option(
        "--devices",
        default="",
        show_default=False,
        metavar="NAMES",
        callback=_comma_separated,
        help="Devices with one worker each: cuda:0,cuda:1 or cpu,cpu. Default: all GPUs, or the CPU if there is none.",
    ),
    click.option(
        "--weights", default=_default("weights"), help="Weights for jobs that ask for 'auto': vgg19, imagenet, …"
    ),
    click.option("--threads", default=_default("threads"), help="CPU threads of a worker; 0: one per core."),
    click.option(
        "--memory-megabytes",
        default=_default("memory_megabytes"),
        help="Memory that a job may take; 0: half of the machine's.",
    ),
    click.option(
        "--cache-megabytes", default=_default("cache_megabytes"), help="Memory for the targets of recent jobs."
    ),
    click.option("--spool-megabytes", default=_default("spool_megabytes"), help="Disk space for pictures of jobs."),
    click.option(
        "--max-megapixels", default=_default("max_megapixels"), help="Largest picture; 0: what fits into memory."
    ),
    _seconds_option("--worker-seconds", "Stop an idle worker and free its device after this time."),
    _seconds_option("--exit-seconds", "Exit after this time without jobs; 0: never."),
    _seconds_option("--keep-seconds", "Interval between checkpoints of a running job."),
    _seconds_option("--hang-seconds", "Stop a worker that does not respond for this time; its job is retried once."),
    _seconds_option("--heartbeat", "Interval between heartbeats. Clients that miss two are dropped."),
    _seconds_option("--park-seconds", "How long to keep the job of a dropped client."),
    click.option(
        "--tcp/--no-tcp", default=_default("tcp"), help="Also listen on 127.0.0.1, which sandboxed editors need."
    ),
    click.option(
        "--remote",
        multiple=True,
        metavar="[USER@]HOST[:PATH]",
        help="Run jobs on another machine through ssh (docs/remote.md), or on several. PATH: of velatura there.",
    ),
    click.option(
        "--ssh", default=_default("ssh"), metavar="COMMAND", help="The command for --remote, such as 'ssh -p 2222'."
    ),
    click.option(
        "--upstream",
        default="",
        show_default=False,
        metavar="FILE",
        callback=_absolute_path,
        help="Run jobs on another daemon of yours: the one that wrote this connection file.",
    ),
    click.option(
        "--executor",
        default=_default("executor"),
        type=click.Choice(KINDS),
        help="Where jobs run: on this machine, the --remote machines, the --upstream daemon, or the Ray cluster.",
    ),
    _text_option("--address", "ray://HOST:10001", "Address of the Ray cluster (docs/farm.md)."),
    click.option("--max-actors", default=_default("max_actors"), help="Largest number of workers in the cluster."),
    click.option(
        "--min-actors",
        default=_default("min_actors"),
        help="Number of workers kept in the cluster after the first job.",
    ),
    click.option(
        "--actor-resources",
        multiple=True,
        metavar="NAME=AMOUNT",
        help="Resources of a node that each worker reserves. Default: GPU=1, or CPU=1 if the cluster has no GPU.",
    ),
    click.option("--node-labels", multiple=True, metavar="NAME=VALUE", help="Use only nodes with these Ray labels."),
    _text_option(
        "--fallback",
        "local",
        "local: run jobs on this machine while the --remote machines, the --upstream daemon or the cluster cannot be "
        "reached.",
    ),
)


def config_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of DaemonConfig: for `run`, and for `start`, which records them for the editors."""
    for option in reversed(
        OPTIONS
    ):  # decorators are applied from last to first; --help lists them in the order of OPTIONS
        command = option(command)
    return command


@daemon.command()
@config_options
@click.option("--verbose", is_flag=True, help="Print the log on the terminal too.")
def run(verbose: bool, **values: Any) -> None:
    """Run the daemon in the foreground until it is stopped."""
    from velatura_daemon.daemon_process import run_daemon

    if not run_daemon(app_dirs(), DaemonConfig(**values), to_terminal=verbose):
        click.echo("A daemon is already running; see 'velatura daemon status'.")
    logging.shutdown()


@daemon.command()
@config_options
def start(**values: Any) -> None:
    """Start the daemon in the background. The command with these options is recorded, and editors start the daemon with
    it."""
    from velatura_daemon.terminal.connect import connect, own_launcher

    dirs = app_dirs()
    previous, launcher = recorded_launcher(dirs), own_launcher(*as_arguments(values))
    record_launcher(dirs, launcher)
    started_at = time.monotonic()
    try:
        with connect() as client:
            client.wait_until_ready()
            report = client.status()
    except DaemonCannotStart:  # an invalid option: editors keep using the previous command
        restore_launcher(dirs, previous)
        raise
    seconds = time.monotonic() - started_at
    if report["uptime_seconds"] <= seconds:
        click.echo(f"The daemon is running (pid {report['pid']}); it started in {seconds:.2f} s.")
    elif previous == launcher:
        click.echo(f"The daemon was already running (pid {report['pid']}).")
    else:
        click.echo(
            f"A daemon is already running (pid {report['pid']}) with other options. The new options are recorded for "
            "its next start: run 'velatura daemon stop', then this command again."
        )
    reached = [_reaches(target, values["ssh"]) for target in values["remote"]]
    if not all(reached):
        raise SystemExit(1)


def _reaches(target: str, ssh: str) -> bool:
    """Try the way to another machine and print the outcome: better now than at the first restyle."""
    from velatura_daemon.executors.remote.walk import walk

    *_, last = walk(target, ssh, app_dirs())
    click.echo("\n".join(line for line in (last.what, last.hint) if line))
    if not last.ok:
        click.echo("The daemon tries again with each restyle. 'velatura doctor' shows how far it gets.")
    return last.ok


def as_arguments(values: dict[str, Any]) -> list[str]:
    """Return options as command-line arguments; those with default values are left out."""
    arguments = []
    for name, value in values.items():
        option = name.replace("_", "-")
        if name == "devices":
            value = ",".join(value)
        for item in value if isinstance(value, tuple) else (value,):
            if item in ("", _default(name)):
                continue
            if isinstance(item, bool):
                arguments.append(f"--{option}" if item else f"--no-{option}")
            else:
                arguments += [f"--{option}", str(item)]
    return arguments


@daemon.command(hidden=True)
def connection() -> None:
    """Start the daemon if none is running, and print how to connect to it. Another machine's `--remote` runs this
    through ssh. The printed line contains the key, so it is for no other eyes."""
    from velatura_daemon.terminal.connect import print_connection

    print_connection()


@daemon.command()
@click.option("-f", "--follow", is_flag=True, help="Print new lines as they are written, until Ctrl-C.")
@click.option(
    "-n", "--lines", default=100, type=click.IntRange(min=0), help="Number of lines to print from the end of the log."
)
def logs(follow: bool, lines: int) -> None:
    """Show the log of the daemon, its workers and its connection to a Ray cluster."""
    from velatura_daemon.cli.logs import show

    show(app_dirs().log_file, lines, follow=follow)


@daemon.command()
def stop() -> None:
    """Stop the daemon. The progress of running jobs up to their last checkpoint is saved."""
    dirs = app_dirs()
    client = running_daemon(dirs)
    if client is None:
        click.echo("No daemon is running.")
        return
    with client:
        stopped_jobs = len(client.status()["jobs"])
        client.shut_down()
        deadline = time.monotonic() + STOP_TIMEOUT
        while is_held(dirs.lock_file):
            client.drain()
            if time.monotonic() > deadline:
                raise DaemonLost(f"The daemon did not stop within {STOP_TIMEOUT:.0f} s. See its log: {dirs.log_file}.")
            time.sleep(0.02)
    hint = f" It had {stopped_jobs} running or queued restyle(s); 'velatura results list' shows their saved progress."
    click.echo("The daemon has stopped." + (hint if stopped_jobs else ""))


@daemon.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show the workers, their devices and weights, and the queue. The exit code is 1 if no daemon is running."""
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
