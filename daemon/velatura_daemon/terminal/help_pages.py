"""Help pages that are readable in every language: texts are wrapped by their width on the screen, and lines of Chinese
and Japanese, which have no spaces, between any two letters that may be parted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

import click

from velatura.i18n import _

# No line begins with the first or ends with the second (JIS X 4051, rules for line breaks).
NOT_FIRST = "、。，．・：；！？ー々〻…‥」』）］｝〕〉》】〗〙〟ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ,.:;!?)]}%"
NOT_LAST = "「『（［｛〔〈《【〖〘〝"
HANGUL = re.compile("[\u1100-\u11ff\uac00-\ud7a3]")  # written with spaces
JOINER = "\u2060"  # WORD JOINER
SENTENCE = re.compile(r".*?(?:。|\.(?= |$)|$)")


class HelpFormatter(click.HelpFormatter):
    """click counts letters. What is written gets a letter more after each letter that takes two columns of a terminal:
    a space, if a line may be broken there, or a joiner. These are taken out in the end."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, _spread(args), _spread(f"{_('Usage:')} " if prefix is None else prefix))

    def write_heading(self, heading: str) -> None:
        super().write_heading(_spread(heading))

    def write_text(self, text: str) -> None:
        super().write_text(_spread(text))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl([(_spread(term), _spread(meaning)) for term, meaning in rows], col_max, col_spacing)

    def getvalue(self) -> str:
        return _closed(super().getvalue())


class _Context(click.Context):
    formatter_class = HelpFormatter


class Command(click.Command):
    """A command with such a help page."""

    context_class = _Context

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        # Translators: in “Usage: velatura restyle [OPTIONS] PHOTO”.
        super().__init__(*arguments, **{"options_metavar": _("[OPTIONS]"), **attributes})

    def get_short_help_str(self, limit: int = 45) -> str:
        """The first sentence of the help, for the page of its group. It is not cut: what is too long is wrapped."""
        found = SENTENCE.match((self.help or "").split("\n\n")[0])
        return found[0] if found else ""


class Group(click.Group):
    """A group of commands, all with such help pages."""

    context_class = _Context
    command_class = Command
    group_class = type

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        # Translators: in “Usage: velatura [OPTIONS] COMMAND [ARGS]...”: the name of a command, and what follows it.
        required, optional = _("COMMAND [ARGS]..."), _("[COMMAND] [ARGS]...")
        command = optional if attributes.get("invoke_without_command") else required
        super().__init__(*arguments, **{"options_metavar": _("[OPTIONS]"), "subcommand_metavar": command, **attributes})


def _spread(text: str) -> str:
    """The text with as many letters as it takes columns."""
    if text.isascii():
        return text
    following = [*text[1:], ""]
    return "".join(
        f"{letter}{_filler(letter, after)}" if _is_wide(letter) else letter
        for letter, after in zip(text, following, strict=True)
    )


def _filler(letter: str, after: str) -> str:
    together = HANGUL.match(letter) or letter in NOT_LAST or (after and after in NOT_FIRST)
    return JOINER if together else " "


def _closed(text: str) -> str:
    """What `_spread` was given."""
    if text.isascii():
        return text
    letters: list[str] = []
    after_wide = False
    for letter in text:
        if letter == JOINER or (after_wide and letter == " "):
            after_wide = False
            continue
        letters.append(letter)
        after_wide = _is_wide(letter)
    return "".join(letters)


def _is_wide(letter: str) -> bool:
    """Whether a letter takes two columns (Unicode, EastAsianWidth.txt)."""
    return unicodedata.east_asian_width(letter) in ("W", "F")
