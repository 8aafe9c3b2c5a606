"""`velatura daemon run|start|stop|status|logs`."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from velatura.app_dirs import AppDirs, app_dirs
from velatura.client.client import running_daemon
from velatura.client.launch import record_launcher, recorded_launcher, restore_launcher
from velatura.client.locks import is_held
from velatura.errors import DaemonCannotStart, VelaturaError
from velatura.i18n import _, lazy_text, ngettext, sentences
from velatura_daemon.cli.status import rows
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.factory import KINDS, check
from velatura_daemon.terminal import ending
from velatura_daemon.terminal.console import echo, echo_json, echo_table
from velatura_daemon.terminal.help_pages import Group

STOP_TIMEOUT = 10.0  # seconds


@click.group(cls=Group, help=_("Control the background process that keeps the network loaded."))
def daemon() -> None:
    pass


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
    return click.option(option, default=_default(option[2:].replace("-", "_")), metavar=_("SECONDS"), help=help)


def _text_option(option: str, metavar: str, help: str) -> Callable[..., Any]:
    return click.option(option, default="", show_default=False, metavar=metavar, help=help)


OPTIONS = (
    click.option(
        "--device",
        default=_default("device"),
        metavar=_("NAME"),
        help=_("Device to compute on: auto, cpu, cuda, cuda:N, xpu, xpu:N or mps. AMD cards are named cuda."),
    ),
    click.option(
        "--devices",
        default="",
        show_default=False,
        metavar=_("NAMES"),
        callback=_comma_separated,
        help=_(
            "Devices with one worker each: cuda:0,cuda:1 or cpu,cpu. Default: all GPUs, or the CPU if there is none."
        ),
    ),
    click.option(
        "--weights",
        default=_default("weights"),
        metavar=_("NAME"),
        help=_("Weights for jobs that ask for 'auto': vgg19, imagenet, …"),
    ),
    click.option(
        "--threads", default=_default("threads"), metavar=_("N"), help=_("CPU threads of a worker; 0: one per core.")
    ),
    click.option(
        "--memory-megabytes",
        default=_default("memory_megabytes"),
        metavar=_("N"),
        help=_("Memory that a job may take; 0: half of the machine's."),
    ),
    click.option(
        "--cache-megabytes",
        default=_default("cache_megabytes"),
        metavar=_("N"),
        help=_("Memory for the targets of recent jobs."),
    ),
    click.option(
        "--spool-megabytes",
        default=_default("spool_megabytes"),
        metavar=_("N"),
        help=_("Disk space for pictures of jobs."),
    ),
    click.option(
        "--max-megapixels",
        default=_default("max_megapixels"),
        metavar=_("N"),
        help=_("Largest picture; 0: what fits into memory."),
    ),
    _seconds_option("--worker-seconds", _("Stop an idle worker and free its device after this time.")),
    _seconds_option("--exit-seconds", _("Exit after this time without jobs; 0: never.")),
    _seconds_option("--keep-seconds", _("Interval between checkpoints of a running job.")),
    _seconds_option("--hang-seconds", _("Stop a worker that does not respond for this time; its job is retried once.")),
    _seconds_option("--heartbeat", _("Interval between heartbeats. If a client misses two, its jobs are parked.")),
    _seconds_option("--park-seconds", _("How long to keep the jobs of a silent client.")),
    click.option(
        "--tcp/--no-tcp", default=_default("tcp"), help=_("Also listen on 127.0.0.1, which sandboxed editors need.")
    ),
    click.option(
        "--remote",
        multiple=True,
        metavar=_("[USER@]HOST[:PATH]"),
        help=_(
            "Run jobs on another machine through ssh (docs/remote.md). Repeat the option for several machines. "
            "PATH: the velatura command there."
        ),
    ),
    click.option(
        "--ssh",
        default=_default("ssh"),
        metavar=_("COMMAND"),
        help=_("The ssh command for --remote, such as 'ssh -p 2222'."),
    ),
    click.option(
        "--upstream",
        default="",
        show_default=False,
        metavar=_("FILE"),
        callback=_absolute_path,
        help=_("Run jobs on another daemon of yours: the one that wrote this connection file."),
    ),
    click.option(
        "--executor",
        default=_default("executor"),
        type=click.Choice(KINDS),
        help=_("Where jobs run: on this machine, the --remote machines, the --upstream daemon, or the Ray cluster."),
    ),
    _text_option("--address", "ray://HOST:10001", _("Address of the Ray cluster (docs/farm.md).")),
    click.option(
        "--max-actors",
        default=_default("max_actors"),
        metavar=_("N"),
        help=_("Largest number of workers in the cluster."),
    ),
    click.option(
        "--min-actors",
        default=_default("min_actors"),
        metavar=_("N"),
        help=_("Number of workers kept in the cluster after the first job."),
    ),
    click.option(
        "--actor-resources",
        multiple=True,
        metavar=_("NAME=AMOUNT"),
        help=_("Resources of a node that each worker reserves. Default: GPU=1, or CPU=1 if the cluster has no GPU."),
    ),
    click.option(
        "--node-labels", multiple=True, metavar=_("NAME=VALUE"), help=_("Use only nodes with these Ray labels.")
    ),
    _text_option(
        "--fallback",
        "local",
        _(
            "local: run jobs on this machine while the --remote machines, the --upstream daemon or the cluster cannot "
            "be "
            "reached."
        ),
    ),
)


def config_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of DaemonConfig: for `run`, and for `start`, which records them for the editors."""
    for option in reversed(
        OPTIONS
    ):  # decorators are applied from last to first; --help lists them in the order of OPTIONS
        command = option(command)
    return command


@daemon.command(help=_("Run the daemon in the foreground until it is stopped."))
@config_options
@click.option("--verbose", is_flag=True, help=_("Print the log on the terminal too."))
def run(verbose: bool, **values: Any) -> None:
    from velatura_daemon.daemon_process import run_daemon

    if not run_daemon(app_dirs(), DaemonConfig(**values), to_terminal=verbose):
        echo(_("A daemon is already running; see 'velatura daemon status'."))
    logging.shutdown()


@daemon.command(
    help=_(
        "Start the daemon in the background. The command with these options is recorded, and editors start the daemon "
        "with it."
    )
)
@config_options
def start(**values: Any) -> None:
    from velatura_daemon.terminal.connect import connect, own_launcher

    dirs = app_dirs()
    check(DaemonConfig(**values), dirs)  # a daemon that runs already would not notice
    previous, launcher = recorded_launcher(dirs), own_launcher(*as_arguments(values))
    record_launcher(dirs, launcher)
    started_at = time.monotonic()
    ending.kept(_("The daemon may still be starting: 'velatura daemon status' shows it."))
    try:
        with connect() as client:
            client.wait_until_ready()
            report = client.status()
    except DaemonCannotStart:  # an invalid option: editors keep using the previous command
        restore_launcher(dirs, previous)
        raise
    seconds = time.monotonic() - started_at
    if report["uptime_seconds"] <= seconds:
        echo(
            _("The daemon is running (pid {pid}); it started in {seconds:.2f} s.").format(
                pid=report["pid"], seconds=seconds
            )
        )
    elif previous == launcher:
        echo(_("The daemon was already running (pid {pid}).").format(pid=report["pid"]))
    else:
        echo(
            _(
                "A daemon is already running (pid {pid}) with other options. The new options are recorded for its next "
                "start: run 'velatura daemon stop', then this command again."
            ).format(pid=report["pid"])
        )
    reached = [_reaches(target, values["ssh"]) for target in values["remote"]]
    if not all(reached):
        raise SystemExit(1)


def _reaches(target: str, ssh: str) -> bool:
    """Try the way to another machine and print the outcome: better now than at the first restyle."""
    from velatura_daemon.executors.remote.walk import walk

    last = list(walk(target, ssh, app_dirs()))[-1]
    echo(*(line for line in (last.what, last.hint) if line))
    if not last.ok:
        echo(_("The daemon tries again with each restyle. 'velatura doctor' shows how far it gets."))
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


@daemon.command(
    hidden=True,
    help=_(
        "Start the daemon if none is running, and print how to connect to it. Another machine's `--remote` runs this "
        "through ssh. The printed line contains the key: keep it secret."
    ),
)
def connection() -> None:
    from velatura_daemon.terminal.connect import print_connection

    print_connection()


@daemon.command(help=_("Show the log of the daemon, its workers and its connection to a Ray cluster."))
@click.option("-f", "--follow", is_flag=True, help=_("Print new lines as they are written, until Ctrl-C."))
@click.option(
    "-n",
    "--lines",
    default=100,
    type=click.IntRange(min=0),
    metavar=_("N"),
    help=_("Number of lines to print from the end of the log."),
)
def logs(follow: bool, lines: int) -> None:
    from velatura_daemon.cli.logs import print_log

    print_log(app_dirs().log_file, lines, follow=follow)


@daemon.command(
    help=_(
        "Stop the daemon. The progress of running jobs up to their last checkpoint is saved. A daemon that does not "
        "answer is ended by signals."
    )
)
def stop() -> None:
    from velatura_daemon import lock_holder

    dirs = app_dirs()
    if not is_held(dirs.lock_file):
        echo(_("No daemon is running."))
        return
    process = lock_holder.noted(dirs.lock_file)
    stopped_jobs = None if process is not None and process.is_stopped else _ask_to_stop(dirs)
    if stopped_jobs is None and not is_held(dirs.lock_file):  # it was another process that looked for a daemon
        echo(_("No daemon is running."))
        return
    if stopped_jobs is None:
        saved = lazy_text("'velatura results list' shows what was saved of its restyles.")
        echo(sentences(lock_holder.end(dirs.lock_file), saved))
        return
    hint = ngettext(
        "It had {count} running or queued restyle; 'velatura results list' shows what was saved of it.",
        "It had {count} running or queued restyles; 'velatura results list' shows what was saved of them.",
        stopped_jobs,
    )
    echo(sentences(_("The daemon has stopped."), hint if stopped_jobs else ""))


def _ask_to_stop(dirs: AppDirs) -> int | None:
    """Ask the daemon to stop. Returns its number of restyles, or None if it does not do so in time."""
    try:
        client = running_daemon(dirs)
        if client is None:  # it cannot be found, but has the lock
            return None
        with client:
            stopped_jobs = len(client.status()["jobs"])
            client.shut_down()
            deadline = time.monotonic() + STOP_TIMEOUT
            while is_held(dirs.lock_file):
                client.drain()
                if time.monotonic() > deadline:
                    return None
                time.sleep(0.02)
        return stopped_jobs
    except VelaturaError:  # it is silent, of another version, or its connection file is damaged
        return None if is_held(dirs.lock_file) else 0


@daemon.command(
    help=_("Show the workers, their devices and weights, and the queue. The exit code is 1 if no daemon is running.")
)
@click.option("--json", "as_json", is_flag=True, help=_("Print JSON."))
def status(as_json: bool) -> None:
    client = running_daemon()
    if client is None:
        if as_json:
            echo_json({"running": False})
        else:
            echo(_("No daemon is running. Start it with 'velatura daemon start'."))
        raise SystemExit(1)
    with client:
        report = {"running": True, **client.status()}
    if as_json:
        echo_json(report, indent=1)
        return
    echo_table((), rows(report))
