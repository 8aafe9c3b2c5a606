"""`pastiche daemon run|start|stop|status`."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from pastiche.client import running_daemon
from pastiche.errors import DaemonLost
from pastiche.launch import record
from pastiche.locks import is_held
from pastiche.paths import places
from pastiche_daemon.executors.makers import KINDS
from pastiche_daemon.options import Options

STOP_PATIENCE = 10.0  # seconds


@click.group()
def daemon() -> None:
    """The process in the background that holds the network."""


def _default(name: str) -> Any:
    return next(f.default for f in dataclasses.fields(Options) if f.name == name)


def _names(_: click.Context, __: click.Parameter, said: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in said.split(",") if name.strip())


def between_machines(command: Callable[..., None]) -> Callable[..., None]:
    """The options of work for others and by others: of `run`, and of `start`, which records them for the editors."""
    for option in (
        click.option("--listen", multiple=True, metavar="tcp://HOST:PORT", help="Let other machines in there, by their keys ('pastiche keys')."),
        click.option("--upstream", default=_default("upstream"), metavar="tcp://HOST:PORT", help="Have the work done by the daemon there."),
        click.option("--server-key", default=_default("server_key"), metavar="KEY", help="That daemon's: 'pastiche keys server' prints it there."),
        click.option("--client-key", default=_default("client_key"), metavar="FILE", help="Which key of 'pastiche keys new' to go there with."),
        click.option("--devices", default="", metavar="NAMES", callback=_names, help="A worker for each: cuda:0,cuda:1 or cpu,cpu; else all GPUs."),
        click.option("--executor", default=_default("executor"), type=click.Choice(KINDS), help="Who does the work: this machine, or a Ray cluster."),
        click.option("--address", default=_default("address"), metavar="ray://HOST:10001", help="Of the Ray cluster."),
        click.option("--min-actors", default=_default("min_actors"), help="Workers that are kept in the cluster."),
        click.option("--max-actors", default=_default("max_actors"), help="Workers that there are in the cluster at most."),
        click.option("--actor-resources", multiple=True, metavar="NAME=AMOUNT", help="What each takes of a node; GPU=1 if the cluster has any."),
        click.option("--node-labels", multiple=True, metavar="NAME=VALUE", help="Which nodes may be taken, by Ray's labels."),
        click.option("--fallback", default=_default("fallback"), metavar="local", help="Who does the work while the others cannot be reached."),
        click.option("--share-megapixels", default=_default("share_megapixels"), help="From that size on all free workers share a picture; 0: never."),
    ):
        command = option(command)
    return command


@daemon.command()
@click.option("--device", default=_default("device"), help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--weights", default=_default("weights"), help="What 'auto' means for jobs: embedded, imagenet, …")
@click.option("--tcp/--no-tcp", default=_default("tcp"), help="Also listen on 127.0.0.1: sandboxed editors need it.")
@click.option(
    "--heartbeat", default=_default("heartbeat"), metavar="SECONDS", help="A client silent for two is taken for gone."
)
@click.option(
    "--park-seconds",
    default=_default("park_seconds"),
    metavar="SECONDS",
    help="How long a silent client's job is kept.",
)
@click.option(
    "--worker-seconds",
    default=_default("worker_seconds"),
    metavar="SECONDS",
    help="Give the device back after that long idle.",
)
@click.option(
    "--hang-seconds", default=_default("hang_seconds"), metavar="SECONDS",
    help="A worker that gives no sign of life for so long is ended, and its job put back once.",
)  # fmt: skip
@click.option("--keep-seconds", default=_default("keep_seconds"), help="How often the picture in work is left on the disk.")
@click.option(
    "--exit-seconds", default=_default("exit_seconds"), metavar="SECONDS", help="Leave after that long idle; 0: never."
)
@click.option(
    "--max-megapixels", default=_default("max_megapixels"), help="Largest picture; 0: what the memory can hold."
)
@click.option("--memory-megabytes", default=_default("memory_megabytes"), help="What a job may take; 0: half the machine's.")
@click.option("--spool-megabytes", default=_default("spool_megabytes"), help="Disk for pictures in work.")
@click.option("--cache-megabytes", default=_default("cache_megabytes"), help="Memory for warm targets.")
@click.option("--threads", default=_default("threads"), help="For the arithmetic; 0: one a core.")
@between_machines
@click.option("--verbose", is_flag=True, help="The log on the terminal too.")
def run(verbose: bool, **values: Any) -> None:
    """Be the daemon, here, until stopped."""
    from pastiche_daemon.run import run_daemon

    if not run_daemon(places(), Options(**values), to_terminal=verbose):
        click.echo("A daemon is running already; see 'pastiche daemon status'.")
    logging.shutdown()


@daemon.command()
@between_machines
def start(**values: Any) -> None:
    """Start it in the background, and record for the editors how that is done, these options with it."""
    from pastiche_daemon.cli.connect import connect, own_launcher

    record(places(), own_launcher(*as_words(values)))
    began = time.monotonic()
    with connect() as client:
        client.wait_until_ready()
        report = client.status()
    click.echo(f"The daemon is there (pid {report['pid']}), after {time.monotonic() - began:.2f} s.")


def as_words(values: dict[str, Any]) -> list[str]:
    """Options as a command line says them; those that say what is so anyway are left out."""
    words = []
    for name, value in values.items():
        if name == "devices":
            value = ",".join(value)
        for one in value if isinstance(value, tuple) else (value,):
            if one not in ("", _default(name)):
                words += [f"--{name.replace('_', '-')}", str(one)]
    return words


@daemon.command()
def stop() -> None:
    """Stop it; of restyles in work what they had a few seconds ago is kept."""
    where = places()
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
    kept = f" It had {ended} restyle(s) in work or waiting; 'pastiche results list' shows what is kept of them."
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
            else "No daemon is running. Start it with 'pastiche daemon start'."
        )
        raise SystemExit(1)
    with client:
        report = {"running": True, **client.status()}
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    worker, far = report["worker"], elsewhere(report)
    at_work = f"pid {worker['pid']}, {worker.get('state', '')}" if worker["pid"] else worker.get("state", "none: it comes with the next job")
    workers = report.get("workers", [])  # none of a daemon that was started by an earlier version, and runs still
    table = Table(show_header=False, box=None)
    rows = [
        ("daemon", f"pid {report['pid']}, version {report['version']}, build {report['build']}, up {report['uptime_seconds']:.0f} s"),
        ("listening", "\n".join(report["endpoints"])),
        *([("for others", "\n".join(report["listening_afar"]))] if report.get("listening_afar") else []),
        ("work", f"done by {far}: {worker.get('state', '–')}") if far else ("worker", at_work),
        ("device", worker.get("device", "–")),
        ("weights", worker.get("weights", "–")),
        *([("workers", "\n".join(_worker_line(one) for one in workers))] if len(workers) > 1 else []),
        ("memory", f"{worker.get('memory_bytes', 0) / 1e6:.0f} MB"),
        ("targets", f"{worker.get('targets', 0)} warm, {worker.get('target_bytes', 0) / 1e6:.0f} MB"),
        ("jobs", ", ".join(f"{job['state']} ({job['layer'][-40:]})" for job in report["jobs"]) or "none"),
        ("pictures", f"{report['pictures']} in {report['spool_bytes'] / 1e6:.0f} MB; up to {report['max_megapixels']:g} megapixels each"),
    ]  # fmt: skip
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    if report.get("at_home_for_now"):
        click.echo("Those who are to do the work cannot be reached; this machine does it meanwhile.")


def elsewhere(report: dict[str, Any]) -> str:
    """Who does the work, of a status; '' where this machine does."""
    if report.get("executor") == "ray":
        return f"the Ray cluster at {report['address']}"
    return f"the daemon at {report['upstream']}" if report.get("upstream") else ""


def _worker_line(worker: dict[str, Any]) -> str:
    return f"{worker.get('device', '–')}: {'at work' if worker['busy'] else worker.get('state', 'idle')}, {worker.get('weights', '–')}"
