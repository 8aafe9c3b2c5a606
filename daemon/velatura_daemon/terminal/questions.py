"""Questions that are answered with yes or no."""

from __future__ import annotations

import os
import select
import signal
import sys

import click

from velatura.errors import VelaturaError
from velatura.i18n import lazy_text, pgettext
from velatura_daemon.terminal.console import echo

YES, NO = ("y", "yes"), ("n", "no")  # in every language; its own words are added


def confirm(question: str) -> None:
    """Ask on stderr, and return if the answer is yes. Raises VelaturaError if it is no, click.Abort if there is
    none."""
    # Translators: answers to a question in the terminal: letters and words that mean yes, separated by commas. y and
    # yes are accepted in every language.
    yes = {*YES, *_words(pgettext("answer", "y,yes"))}
    # Translators: answers that mean no. A word that means yes elsewhere must not be among them.
    no = {*NO, *_words(pgettext("answer", "n,no"))}
    # Translators: follows a question in the terminal: type y for yes, or n for no, which is what Enter alone means.
    hint = pgettext("answer", "[y/N]")
    while True:
        echo(f"{question} {hint}: ", err=True, end=False)
        _wait_for_answer()
        line = sys.stdin.readline()
        if not line:
            echo("", err=True)
            raise click.Abort
        answer = line.strip().lower()
        if answer in yes:
            return
        if not answer or answer in no:
            raise VelaturaError(lazy_text("Nothing was done."))
        echo(lazy_text("Please answer y or n."), err=True)


def _words(listed: str) -> list[str]:
    return [word.strip().lower() for word in listed.split(",") if word.strip()]


def _wait_for_answer() -> None:
    """Wait until a line is typed. Reading alone would miss a Ctrl-C that comes in the moment before it: Python notes
    the signal, but acts on it only when the reading ends."""
    if os.name == "nt" or not sys.stdin.isatty():
        return
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)
    before = signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
    try:
        select.select([sys.stdin, receiver], [], [])
    finally:
        signal.set_wakeup_fd(before)
        os.close(receiver)
        os.close(sender)
