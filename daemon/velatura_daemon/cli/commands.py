"""The commands of `velatura`, each loaded when it is used, and how their errors are reported."""

from __future__ import annotations

import io
import logging
import traceback
from importlib import import_module
from typing import Any

import click

from velatura import __version__
from velatura.client.launch import ERROR_PREFIX
from velatura.errors import UsageError, VelaturaError
from velatura.i18n import _, lazy_text, pgettext, translated
from velatura_daemon.cli.language import COMMANDS
from velatura_daemon.terminal import ending
from velatura_daemon.terminal.console import echo, echo_problem
from velatura_daemon.terminal.help_pages import Group

# click puts these names into a sentence.
# Translators: what can be typed, in “'x' is not a valid integer.”
click.types.IntParamType.name = click.types.IntRange.name = pgettext("kind of value", "integer")
# Translators: what can be typed, in “'x' is not a valid number.” Numbers are typed with a point in every language: 0.5.
click.types.FloatParamType.name = pgettext("kind of value", "number")


class LazyGroup(Group):
    """The command NAME of COMMANDS is the attribute NAME of the module `velatura_daemon.cli.NAME`. Listing the commands
    loads none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"velatura_daemon.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, translated(summary)) for name, summary in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise ending.Stopped from None


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    help=_(
        "Restyle pictures in the style of paintings, with the method of Gatys, Ecker and Bethge. A daemon in the "
        "background keeps the network loaded."
    ),
)
@click.version_option(__version__, prog_name="velatura")
def cli() -> None:
    ending.begin_work()  # the command is loaded, and about to run


def run() -> int:
    """Run the command that the arguments name, print its error if it fails, and return the exit code. Raises Stopped
    and OutputLost."""
    # Only the daemon keeps a log. Without a handler, Python prints warnings as they are, with the names in them.
    logging.getLogger("velatura").addHandler(logging.NullHandler())
    try:
        code = cli.main(standalone_mode=False)
        return code if isinstance(code, int) else 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except click.ClickException as error:
        _show_usage(error)
        return 2
    except VelaturaError as error:
        echo_problem(error.sentence)
        return 2 if isinstance(error, UsageError) else 1
    except click.Abort:
        if not ending.was_stopped():
            echo_problem(lazy_text("The question was not answered, so nothing was done."))
        return 1
    except Exception:  # a bug: what it quotes, such as the name of a file, may come from anyone
        if not ending.was_stopped():
            echo(*traceback.format_exc().rstrip().split("\n"), err=True)
        return 1


def _show_usage(error: click.ClickException) -> None:
    """Print how the command is used, and the error, which quotes what was typed. It begins as all others do."""
    text = io.StringIO()
    error.show(file=text)
    message = error.format_message()
    shown = text.getvalue().rstrip().replace(_("Error: {message}").format(message=message), ERROR_PREFIX + message)
    echo(*shown.split("\n"), err=True)
