"""The `velatura` command, its subcommands and its error handling. Exit codes: 0 success, 1 failure, 2 wrong usage."""

from __future__ import annotations

import signal
import sys

import click

from velatura import __version__
from velatura.errors import UsageError, VelaturaError
from velatura_daemon.cli.batch import batch
from velatura_daemon.cli.bench import bench
from velatura_daemon.cli.daemon import daemon
from velatura_daemon.cli.demo import demo
from velatura_daemon.cli.doctor import doctor
from velatura_daemon.cli.explain import explain
from velatura_daemon.cli.forget import forget
from velatura_daemon.cli.history import history
from velatura_daemon.cli.install import install
from velatura_daemon.cli.restyle import restyle
from velatura_daemon.cli.results import results
from velatura_daemon.cli.weights import weights


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="velatura")
def cli() -> None:
    """Restyle pictures in the style of paintings, with the method of Gatys, Ecker and Bethge. A daemon in the
    background keeps the network loaded."""


for command in (restyle, batch, explain, demo, results, history, forget, install, daemon, weights, doctor, bench):
    cli.add_command(command)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line. A VelaturaError is printed as a message and sets the exit code."""
    for name in ("SIGTERM", "SIGHUP"):  # closing the terminal stops the command as Ctrl-C does
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except VelaturaError as error:
        click.echo(f"velatura: {error.sentence}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("velatura: stopped.", err=True)
        sys.exit(1)
