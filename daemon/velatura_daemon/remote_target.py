"""What `--remote` names: another machine, as ssh knows it, and perhaps where Velatura is installed there."""

from __future__ import annotations

from dataclasses import dataclass

from velatura.errors import UsageError

EXAMPLE = "--remote me@box or --remote me@box:/path/to/velatura"


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
        raise UsageError(f"--remote {text[:100]!r} names no machine. Write {EXAMPLE}.")
    if program.startswith("//"):  # ssh://…
        raise UsageError(f"--remote {text[:100]!r} is a URL. Write {EXAMPLE}; a port belongs into ~/.ssh/config.")
    if not program.isprintable():
        raise UsageError(f"--remote {text[:100]!r}: the path contains unprintable characters.")
    return Target(destination, host, program)


def _split(text: str) -> tuple[str, str]:
    """The destination and the path. Raises UsageError."""
    before, bracket, rest = text.partition("[")
    if bracket and ":" not in before:
        address, closing, after = rest.partition("]")
        if not closing or after[:1] not in ("", ":"):
            raise UsageError(f"--remote {text[:100]!r}: write an IPv6 address as me@[::1] or me@[::1]:/path.")
        return before + address, after[1:]
    destination, _, program = text.partition(":")
    return destination, program
