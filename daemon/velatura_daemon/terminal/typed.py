"""The running command as the user would type it for another command."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from velatura_daemon.terminal.presets import is_given


def typed_again(command: click.Command, arguments: Sequence[Path]) -> str:
    """Return a line for a shell: `command` with these arguments, and with the options of the running command that it
    has too."""
    context = click.get_current_context()
    known = {parameter.name for parameter in command.params}
    words = ["velatura", str(command.name), *map(_path, arguments)]
    for parameter in context.command.params:
        if isinstance(parameter, click.Option) and parameter.name in known and is_given(str(parameter.name)):
            words += _typed(parameter, context.params[str(parameter.name)])
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _path(path: Path) -> str:
    """A name that begins with '-' would be taken for an option."""
    return f".{os.sep}{path}" if str(path).startswith("-") else str(path)


def _typed(option: click.Option, value: Any) -> Iterator[str]:
    if option.is_flag:
        yield option.opts[-1] if value else option.secondary_opts[-1]
        return
    for item in value if option.multiple else [value]:
        yield option.opts[-1]
        yield from (str(part) for part in (item if option.nargs > 1 else [item]))
