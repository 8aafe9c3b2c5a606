"""Finds the commands in the pages, and checks them against the real command line without running them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

from tests.support.markdown import Piece, code_blocks, code_spans
from velatura.errors import VelaturaError
from velatura.settings import StyleSettings
from velatura_daemon.cli.commands import cli

# What is before the name of a program on a line: a prompt (`$ `, `head$  `), variables, the folder of the environment.
BEFORE = re.compile(r"^\s*(?:\w*\$\s+)?(?:[A-Z_]+=\S+\s+)*(?:\.venv/bin/)?")
EXPLANATION = re.compile(r"\s{2,}(?!-).*|\s+#\s.*")  # to the right of a command: after two spaces, or after a #
# Stands for something that the reader types: PHOTO, N, PAINTING[:SHARE], NAME|FILE, a list that goes on.
PLACEHOLDER = re.compile(r"(?:[A-Z][A-Z_]*(?:\|[A-Z_]+)*)(?:\[:SHARE\])?(?:…|\.\.\.)?|…|\.\.\.|VALUE,…")
ANY_SETTING = re.compile(r"\[any settings? [^\]]*\]")  # in a line that shows how a command is used
PIPE = re.compile(r"\s[|<>]\s.*|\s&&?\s.*|;.*")


@dataclass(frozen=True)
class Documented:
    """A command line of a page. words: after `velatura`."""

    where: Piece
    words: tuple[str, ...]

    def __str__(self) -> str:
        return str(self.where)


def commands(page: Path) -> Iterator[Documented]:
    """All that begin with `velatura` in blocks of code and within sentences. Raises ValueError for a wrong quote."""
    for block in code_blocks(page):
        for offset, line in enumerate(block.text.split("\n")):
            if (words := _words(line)) is not None:
                yield Documented(Piece(page, block.line + offset, block.kind, line), words)
    for span in code_spans(page):
        if (words := _words(span.text)) is not None:
            yield Documented(span, words)


def known_options() -> set[str]:
    """The options of all commands."""
    found: set[str] = {"--help"}

    def collect(command: click.Command, context: click.Context) -> None:
        for parameter in command.get_params(context):
            found.update([*parameter.opts, *parameter.secondary_opts])
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                collect(inner, click.Context(inner, parent=context, info_name=name))

    collect(cli, click.Context(cli, info_name="velatura"))
    return found


def make_targets(page: Path) -> Iterator[Piece]:
    """The targets of `make`, as pieces whose text is the target."""
    for piece in [*code_blocks(page), *code_spans(page)]:
        for offset, line in enumerate(piece.text.split("\n")):
            found = re.match(r"make(?: -C \S+)? ([a-z][a-z-]*)", BEFORE.sub("", line))
            if found:
                yield Piece(page, piece.line + offset, "", found[1])


def _words(line: str) -> tuple[str, ...] | None:
    command = BEFORE.sub("", line)
    if not re.match(r"velatura(?:\s|$)", command):
        return None
    command = PIPE.sub("", EXPLANATION.sub("", command))
    return tuple(shlex.split(ANY_SETTING.sub("", command)))[1:]


def problem(documented: Documented) -> str:
    """Why the command line would refuse this, or ''. In a sentence, a command may be named without its arguments."""
    return _problem(documented.words, whole=documented.where.kind != "span" and "--help" not in documented.words)


def _problem(words: tuple[str, ...], *, whole: bool) -> str:
    """whole: whether nothing may be missing. Words in brackets are optional, and count as given."""
    command: click.Command = cli
    context = click.Context(cli, info_name="velatura")
    rest = [_without_brackets(word) for word in words]
    rest = [word for word in rest if word not in ("…", "...")]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        if PLACEHOLDER.fullmatch(name):
            return ""  # velatura COMMAND --help
        *others, name = name.split("|")  # daemon start|stop
        found = command.get_command(context, name)
        if missing := [one for one in (*others, name) if command.get_command(context, one) is None]:
            return f"there is no command {missing[0]}"
        assert found is not None
        command, context = found, click.Context(found, parent=context, info_name=name)
    try:
        values, _, _ = command.make_parser(context).parse_args([_one(word) for word in rest])
        for parameter in command.get_params(context):
            _check(parameter, values.get(parameter.name or ""), context, whole=whole)
        _check_settings(command, values)
    except (click.ClickException, VelaturaError, ValueError) as error:
        return error.format_message() if isinstance(error, click.ClickException) else str(error)
    return ""


def _without_brackets(word: str) -> str:
    """`[--out DIR]` is optional; in `PAINTING[:SHARE]` the brackets belong to a placeholder."""
    return word.strip("[]") if word.startswith("[") or (word.endswith("]") and ":" not in word) else word


def _one(word: str) -> str:
    """`--device cpu|cuda` shows what can be chosen: the first."""
    return word.split("|")[0] if re.fullmatch(r"[a-z]+(\|[a-z]+)+", word) else word


def _check(parameter: click.Parameter, value: Any, context: click.Context, *, whole: bool) -> None:
    """Raises ClickException if a value is missing, or is of another kind."""
    if value is None or value == () or "UNSET" in str(value).upper():
        if parameter.required and whole:
            raise click.MissingParameter(param=parameter, ctx=context)
        return
    choices = str(parameter.make_metavar(context)).strip("[]").split("|")
    for one in value if isinstance(value, (list, tuple)) else [value]:
        for text in one if isinstance(one, (list, tuple)) else [one]:
            if isinstance(text, str) and not PLACEHOLDER.fullmatch(text):
                parameter.type.convert(text, parameter, context)
                if len(choices) > 1 and all(map(str.islower, choices)) and text not in choices:
                    raise click.BadParameter(f"{text} is none of {', '.join(choices)}")


def _check_settings(command: click.Command, values: dict[str, Any]) -> None:
    """Raises BadSetting if a setting is out of its range."""
    for item in fields(StyleSettings):
        given = values.get(item.name)
        if isinstance(given, str) and not PLACEHOLDER.fullmatch(given):
            for text in given.split(",") if command.name == "compare" else [given]:
                StyleSettings.from_wire({item.name: _setting(text, type(item.default))})


def _setting(text: str, kind: type) -> Any:
    """Raises ValueError for a number that is none."""
    return text == "yes" if kind is bool else kind(text)
