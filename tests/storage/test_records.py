"""Ages of what is kept, by a calendar that may jump."""

from __future__ import annotations

import hashlib

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura_daemon.storage.records import DAY, RecordStore

DAYS = 30.0
START = 1.7e9


@pytest.fixture
def records(home) -> RecordStore:
    one = RecordStore(home / "records", DAYS)
    one.put(("client", "job"), {"about": "it"}, START)
    return one


def test_records_survive_a_restart(home, records):
    again = RecordStore(home / "records", DAYS)
    assert [again[key]["about"] for key in again] == ["it"]


def test_a_record_expires_after_days_that_passed_while_the_daemon_ran(records):
    for day in range(30):
        assert records.aged_out(START + day * DAY) == []
    assert records.aged_out(START + 30 * DAY) == [("client", "job")]


@pytest.mark.parametrize("jump", [365 * DAY, -365 * DAY, 40 * DAY])
def test_a_jump_of_the_clock_expires_nothing(records, jump):
    assert records.aged_out(START) == []
    assert records.aged_out(START + jump) == []
    assert records.aged_out(START + jump + DAY / 2) == []


def test_after_a_jump_of_the_clock_a_record_expires_as_before(home, records):
    records.aged_out(START)
    records.aged_out(START + 1000 * DAY)
    later = RecordStore(home / "records", DAYS)  # a restart does not forget the jump
    for day in range(30):
        assert later.aged_out(START + (1000 + day) * DAY) == []
    assert later.aged_out(START + 1030 * DAY) == [("client", "job")]


@given(st.binary(max_size=300))
def test_no_file_prevents_a_record_store_from_opening(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("records")
    (folder / "x.record").write_bytes(data)
    assert list(RecordStore(folder, DAYS)) == []


@pytest.mark.parametrize("date", ["5", None, [], float("nan"), float("inf")])
def test_a_record_whose_date_is_no_number_is_set_aside(home, records, date):
    packed = msgpack.packb({"client": "client", "job": "other", "at": date, "until": date})
    (records.folder / "x.record").write_bytes(hashlib.sha256(packed).digest() + packed)
    assert list(RecordStore(records.folder, DAYS)) == [("client", "job")]


@given(st.text(max_size=40), st.text(max_size=40))
def test_names_from_the_wire_never_become_paths(tmp_path_factory, client, job):
    records = RecordStore(tmp_path_factory.mktemp("records"), DAYS)
    records.put((client, job), {}, START)
    assert [path.parent for path in records.folder.rglob("*.record")] == [records.folder]
    assert (client, job) in RecordStore(records.folder, DAYS)
