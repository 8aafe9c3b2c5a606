"""The label of a CPU, which reports have in English."""

from __future__ import annotations

import pytest

from velatura.i18n import translated
from velatura_daemon.cpu_label import cpu_label, device_label_from

MESSAGES = {("cpu ({count} thread)", "cpu ({count} threads)"): ("cpu ({count} Kern)", "cpu ({count} Kerne)")}


@pytest.mark.parametrize(("threads", "label"), [(1, "cpu (1 thread)"), (16, "cpu (16 threads)")])
def test_a_label_is_english_in_a_report(threads, label):
    assert cpu_label(threads) == label


@pytest.mark.parametrize(
    ("label", "shown"), [("cpu (1 thread)", "cpu (1 Kern)"), ("cpu (16 threads)", "cpu (16 Kerne)")]
)
def test_the_label_from_a_report_is_translated(speak, label, shown):
    speak(MESSAGES)
    assert translated(device_label_from(label)) == shown


@pytest.mark.parametrize("label", ["cuda:0 (NVIDIA H200)", "–", "", "cpu (many threads)"])
def test_any_other_label_stays(speak, label):
    speak(MESSAGES)
    assert translated(device_label_from(label)) == label
