"""What --json prints is JSON in every encoding of the output."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

NAME = "\U0001f600 \u732b \u00e9 \x7f"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_printed_json_returns_the_same_text_in_any_encoding_of_the_output(encoding):
    program = (
        "from velatura_daemon.terminal.streams import guard_streams\n"
        "from velatura_daemon.terminal.console import echo_json\n"
        f"guard_streams(); echo_json({NAME!r})"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env={"PYTHONIOENCODING": encoding}
    ).stdout
    assert json.loads(printed.decode(encoding)) == NAME
    assert b"\x7f" not in printed
