"""`velatura`: the commands, and how their failures are told. Exit codes: 0 done, 1 failed, 2 usage."""

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
    """Restyle a picture with a painting: Gatys, Ecker and Bethge's method, by a daemon that stays warm."""


for command in (restyle, batch, explain, demo, results, history, forget, install, daemon, weights, doctor, bench):
    cli.add_command(command)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run, and turn every VelaturaError into its sentence."""
    for name in ("SIGTERM", "SIGHUP"):  # a closed terminal stops the work as Ctrl-C does
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
