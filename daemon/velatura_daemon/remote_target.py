"""What `--remote` names: another machine, as ssh knows it, and perhaps where Velatura is installed there."""

from __future__ import annotations

from dataclasses import dataclass

from velatura.errors import UsageError
from velatura.i18n import lazy_text

# Translators: two ways to type an option; stands at the end of a sentence.
EXAMPLE = lazy_text("--remote me@box or --remote me@box:/path/to/velatura")
SHOWN = 100  # characters of what was typed, in an error


@dataclass(frozen=True)
class Target:
    """Another machine.

    destination: as given to ssh, such as 'me@box' or an alias of ~/.ssh/config. host: the part after the '@'. program:
    path of the velatura command, or of the folder with its virtual environment, on that machine; '': search.
    """

    destination: str
    host: str
    program: str

    def __str__(self) -> str:
        return self.destination


def parse_target(text: str) -> Target:
    """Read [USER@]HOST[:PATH]; an IPv6 address is written in brackets. Raises UsageError.

    A name that begins with '-' is refused: ssh would read it as an option, some of which run programs.
    """
    destination, program = _split(text)
    user, at, host = destination.rpartition("@")
    odd = [c for c in destination if not c.isprintable() or c.isspace() or c in "'\"`$&|;<>()"]
    if not host or (at and not user) or destination.startswith("-") or host.startswith("-") or odd:
        raise UsageError(
            lazy_text("--remote {typed} does not name a machine. Write {example}.", typed=_typed(text), example=EXAMPLE)
        )
    if program.startswith("//"):  # ssh://…
        raise UsageError(
            lazy_text(
                "--remote {typed} is a URL. Write {example}; set the port in ~/.ssh/config.",
                typed=_typed(text),
                example=EXAMPLE,
            )
        )
    if not program.isprintable():
        raise UsageError(lazy_text("--remote {typed}: the path contains unprintable characters.", typed=_typed(text)))
    return Target(destination, host, program)


def _typed(text: str) -> str:
    return repr(text[:SHOWN])


def _split(text: str) -> tuple[str, str]:
    """The destination and the path. Raises UsageError."""
    before, bracket, rest = text.partition("[")
    if bracket and ":" not in before:
        address, closing, after = rest.partition("]")
        if not closing or after[:1] not in ("", ":"):
            raise UsageError(
                lazy_text("--remote {typed}: write an IPv6 address as me@[::1] or me@[::1]:/path.", typed=_typed(text))
            )
        return before + address, after[1:]
    destination, _, program = text.partition(":")
    return destination, program
