"""Lists of saved results and of the history, and error reports, in the editors: names of others stay on their lines."""

from __future__ import annotations

import json

import pytest

from tests.support.hostile_names import IN_TEXTS, READABLE, obeyed_in
from velatura.app_dirs import app_dirs
from velatura.client.saved_results import HistoryEntry, SavedItem, SavedStyle
from velatura.editor.descriptions import describe_entry, describe_item
from velatura.editor.report import report
from velatura.errors import DiskTrouble
from velatura.settings import StyleSettings

NOTE = json.dumps({"document": IN_TEXTS, "width": 9, "height": 9, "left": 0, "top": 0})
STYLES = (SavedStyle(IN_TEXTS, IN_TEXTS, 1.0, b""),)
ITEM = SavedItem("1", "c", IN_TEXTS, "l", IN_TEXTS, NOTE, 0.0, 0.5, 9, 9, STYLES, StyleSettings(), b"", None)
ENTRY = HistoryEntry(1, 0.0, IN_TEXTS, IN_TEXTS, 9, 9, 1.0, IN_TEXTS, IN_TEXTS, StyleSettings(), STYLES, b"")


@pytest.mark.parametrize("lines", [describe_item(ITEM, 0.0), describe_entry(ENTRY, 0.0)])
def test_each_line_about_a_result_is_one_line_with_what_can_be_read(lines):
    for line in lines:
        assert "\n" not in line and obeyed_in(line.encode()) == ""
    assert READABLE in lines[0] and READABLE in lines[1]


def test_an_error_report_has_one_line_per_message_and_line_of_the_log(tmp_path):
    dirs = app_dirs({"VELATURA_HOME": str(tmp_path)})
    dirs.state.mkdir(parents=True)
    dirs.log_file.write_bytes(b"one\ntwo \x1b[2J\xc2\x85 \xff\n")
    text = report(dirs, "Krita", DiskTrouble(IN_TEXTS), [IN_TEXTS])
    assert obeyed_in(text.encode()) == ""
    assert text.splitlines()[-2:] == ["one", "two \\x1b[2J\\x85 \N{REPLACEMENT CHARACTER}"]
