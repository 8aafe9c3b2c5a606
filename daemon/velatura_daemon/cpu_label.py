"""How a CPU is called for people, with its number of threads."""

from __future__ import annotations

import re

from velatura.i18n import Text, lazy_plural

ENGLISH = re.compile(r"cpu \((\d{1,9}) threads?\)")


def cpu_label(threads: int) -> Text:
    # Translators: a CPU as a device to compute on.
    return lazy_plural("cpu ({count} thread)", "cpu ({count} threads)", threads)


def device_label_from(label: str) -> str:
    """The label of a device, for the user's language. label: as a report has it, in English."""
    found = ENGLISH.fullmatch(label)
    return cpu_label(int(found[1])) if found else label
