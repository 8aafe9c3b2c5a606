"""`pastiche`: the commands, and how their failures are told. Exit codes: 0 done, 1 failed, 2 usage."""

from __future__ import annotations

import signal
import sys

import click

from pastiche import __version__
from pastiche.errors import PasticheError, UsageError
from pastiche_daemon.cli.batch import batch
from pastiche_daemon.cli.bench import bench
from pastiche_daemon.cli.daemon import daemon
from pastiche_daemon.cli.demo import demo
from pastiche_daemon.cli.doctor import doctor
from pastiche_daemon.cli.explain import explain
from pastiche_daemon.cli.forget import forget
from pastiche_daemon.cli.history import history
from pastiche_daemon.cli.install import install
from pastiche_daemon.cli.restyle import restyle
from pastiche_daemon.cli.results import results
from pastiche_daemon.cli.weights import weights


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="pastiche")
def cli() -> None:
    """Restyle a picture with a painting: Gatys, Ecker and Bethge's method, by a daemon that stays warm."""


for command in (restyle, batch, explain, demo, results, history, forget, install, daemon, weights, doctor, bench):
    cli.add_command(command)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run, and turn every PasticheError into its sentence."""
    for name in ("SIGTERM", "SIGHUP"):  # a closed terminal stops the work as Ctrl-C does
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except PasticheError as error:
        click.echo(f"pastiche: {error.sentence}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("pastiche: stopped.", err=True)
        sys.exit(1)
