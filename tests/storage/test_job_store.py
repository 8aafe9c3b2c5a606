"""Results and checkpoints survive the death of a daemon, an editor or the machine."""

from __future__ import annotations

import os
import resource
import signal
import stat

import pytest

from tests.conftest import ENDLESS, QUICK, Daemon, picture, wait_for_end
from tests.support.daemons import limited, status_when, until
from velatura.client.client import Client
from velatura.client.events import Finished, HistoryEntries, SavedItems
from velatura.client.saved_results import SavedItem
from velatura.errors import DaemonLost
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.storage.history import History
from velatura_daemon.storage.records import _read

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)
MASK = picture(32, 24, seed=3, channels="GRAY")
LONG = StyleSettings(quality="draft", iterations=200)


def saved_items(client: Client) -> list[SavedItem]:
    client.request_saved()
    return until(client, SavedItems).items


def kill(daemon: Daemon) -> None:
    """Kill the daemon as a crash does, and wait for its end."""
    report = daemon.status()
    os.kill(report["pid"], signal.SIGKILL)
    wait_for_end(report["pid"])
    wait_for_end(report["worker"]["pid"])


def result_not_fetched(daemon: Daemon, name: str, **more: object) -> str:
    """A finished job whose client died before it fetched the result. Returns its id."""
    client = daemon.client(name)
    job = client.restyle(CONTENT, [(STYLE, 1.0)], QUICK, **more)
    client._fetch_result = lambda result: client._events.append(result)  # type: ignore[method-assign, arg-type]
    until(client, p.Result, job)
    client._connection.disconnect()
    return job


def saved_steps(daemon: Daemon) -> int:
    """The step of the last checkpoint on the disk."""
    return max((_read(path)["step"] for path in daemon.dirs.state.glob("checkpoints/*.record")), default=0)


def stopped_midway(daemon: Daemon, settings: StyleSettings = ENDLESS, **more: object) -> tuple[Client, str]:
    """A job whose daemon was killed after its first checkpoint. Returns the client and the job's id."""
    daemon.options = ("--keep-seconds", "0")
    client = daemon.client()
    job = client.restyle(CONTENT, [(STYLE, 1.0)], settings, **more)
    until(client, p.Progress, job)
    with daemon.client("watching") as watching:
        status_when(watching, lambda report: saved_steps(daemon))
    kill(daemon)
    with pytest.raises(DaemonLost):
        until(client, Finished, job)
    return client, job


def test_a_result_survives_the_daemon_until_its_client_has_it(daemon):
    job = result_not_fetched(daemon, "editor", mask=MASK, title="Harbour", note="at 3, 4")
    kill(daemon)
    with daemon.client("editor") as client:
        (item,) = saved_items(client)
        assert (item.job, item.finished, item.title, item.note) == (job, True, "Harbour", "at 3, 4")
        assert item.thumbnail[:2] == item.styles[0].thumbnail[:2] == b"\xff\xd8"
        client.fetch(item)
        done = until(client, Finished, job)
        assert (done.picture.width, done.picture.height) == (32, 24)
        assert done.mask is not None and done.mask.data == MASK.data
        assert saved_items(client) == []
    assert not list(daemon.dirs.state.glob("results/*.record"))


def test_a_result_belongs_to_its_program_and_another_can_list_and_fetch_it(daemon):
    job = result_not_fetched(daemon, "editor")
    with daemon.client("cli") as other:
        assert saved_items(other) == []
        other.request_saved(everyone=True)
        (item,) = until(other, SavedItems).items
        assert item.client == "editor"
        other.fetch(item)
        assert until(other, Finished, job).picture
        other.request_saved(everyone=True)
        assert until(other, SavedItems).items == []


def test_a_result_whose_picture_was_damaged_is_reported(daemon):
    result_not_fetched(daemon, "editor")
    kill(daemon)
    for path in daemon.dirs.spool.iterdir():
        path.write_bytes(bytes(path.stat().st_size))
    with daemon.client("editor") as client:
        client.fetch(saved_items(client)[0])
        failed = next(event for event in client.events() if isinstance(event, p.Failed))
        assert failed.code == "wrong_hash"


def test_a_killed_daemon_costs_only_the_last_seconds(daemon):
    client, job = stopped_midway(daemon, LONG, title="Harbour")
    (item,) = saved_items(client)
    assert (item.job, item.finished, item.title) == (job, False, "Harbour")
    assert 0 < item.done < 1
    client.resume(item)
    first = until(client, p.Progress, job)
    assert first.steps < LONG.iterations  # those that were made are not made again
    done = until(client, Finished, job)
    assert done.result.started_from == "last"
    assert saved_items(client) == []
    assert not list(daemon.dirs.state.glob("checkpoints/*.npy"))


def test_the_unfinished_image_can_be_saved(daemon):
    client, job = stopped_midway(daemon, mask=MASK)
    client.resume(saved_items(client)[0], how="as_it_is")
    done = until(client, Finished, job)
    assert (done.result.started_from, done.picture.width) == ("last", 32)
    assert done.mask is not None and done.mask.data == MASK.data


def test_the_same_restyle_requested_again_resumes(daemon):
    client, _ = stopped_midway(daemon, ENDLESS, layer="harbour")
    again = client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS, layer="harbour")
    assert until(client, p.Progress, again).steps < ENDLESS.iterations
    client.cancel(again)
    until(client, p.Cancelled, again)
    assert saved_items(client) == []


def test_another_restyle_of_the_layer_starts_anew_and_the_stopped_one_stays(daemon):
    client, job = stopped_midway(daemon, ENDLESS, layer="harbour")
    other = client.restyle(
        CONTENT, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=6, strength=90), layer="harbour"
    )
    assert until(client, Finished, other).result.started_from == "content"
    assert [item.job for item in saved_items(client)] == [job]


def test_the_restyle_of_a_vanished_client_can_be_resumed(daemon):
    daemon.options = ("--keep-seconds", "0")
    lost, watching = daemon.client("editor"), daemon.client("watching")
    job = lost.restyle(CONTENT, [(STYLE, 1.0)], LONG)
    until(lost, p.Progress, job)
    status_when(watching, lambda report: list(daemon.dirs.state.glob("checkpoints/*.record")))
    lost._connection.disconnect()
    status_when(watching, lambda report: report["stopped_midway"] == 1)
    with daemon.client("editor") as client:
        client.resume(saved_items(client)[0])
        assert until(client, Finished, job).result.started_from == "last"


def test_a_closed_session_or_a_cancel_leaves_no_checkpoint(daemon):
    daemon.options = ("--keep-seconds", "0")
    with daemon.client("watching") as watching:
        for leave in (lambda client, job: client.close(), lambda client, job: client.cancel(job)):
            client = daemon.client("editor")
            job = client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
            until(client, p.Progress, job)
            status_when(watching, lambda report: list(daemon.dirs.state.glob("checkpoints/*.record")))
            leave(client, job)
            client.drain()
            status_when(watching, lambda report: not report["jobs"] and not report["worker"]["busy"])
            assert not list(daemon.dirs.state.glob("checkpoints/*.record")) and not list(
                daemon.dirs.state.glob("checkpoints/*.npy")
            )


def test_a_stopped_restyle_can_be_resumed_once(daemon):
    client, _ = stopped_midway(daemon)
    (item,) = saved_items(client)
    with daemon.client("another") as other:
        client.resume(item)
        until(client, p.Progress, item.job)
        other.resume(item)
        assert next(event for event in other.events() if isinstance(event, p.Failed)).code == "bad_message"
        assert saved_items(other) == []


def test_the_history_lists_restyles_with_their_settings_and_styles(daemon):
    from velatura.client.events import GivenStyle

    with daemon.client("editor") as client:
        style = GivenStyle(STYLE, 1.0, None, "Night swirls", "/paintings/night_swirls.png")
        client.restyle_and_wait(CONTENT, [style], QUICK, title="Harbour")
        client.restyle_and_wait(CONTENT, [style], StyleSettings(strength=0), title="Quay")
    kill(daemon)
    with daemon.client("another") as client:
        client.request_history()
        lines = until(client, HistoryEntries).entries
        assert [line.title for line in lines] == ["Quay", "Harbour"]
        assert lines[1].settings == QUICK
        assert (lines[1].styles[0].name, lines[1].styles[0].path) == ("Night swirls", "/paintings/night_swirls.png")
        client.request_history(before=lines[0].number)
        assert [line.title for line in until(client, HistoryEntries).entries] == ["Harbour"]


def test_forget_deletes_everything(daemon):
    result_not_fetched(daemon, "editor")
    stopped_midway(daemon)
    with daemon.client("cli") as client:
        client.forget_everything()
        assert until(client, SavedItems).items == []
        client.request_history()
        assert until(client, HistoryEntries).entries == []
    left = [path for folder in ("spool", "checkpoints", "results") for path in (daemon.dirs.state / folder).iterdir()]
    assert [path.name for path in left if path.name != "seen"] == []


def test_saved_files_are_readable_by_the_user_only(daemon):
    result_not_fetched(daemon, "editor")
    stopped_midway(daemon)
    files = [path for path in daemon.dirs.state.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    folders = [path for path in daemon.dirs.state.rglob("*") if path.is_dir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


@pytest.mark.parametrize("folder", ["results", "checkpoints"])
@pytest.mark.parametrize("damage", [b"", b"garbage", bytes(200)])
def test_damaged_files_are_renamed_and_the_daemon_starts(daemon, folder, damage):
    path = daemon.dirs.state / folder / "some.record"
    path.parent.mkdir(parents=True)
    path.write_bytes(damage)
    with daemon.client() as client:
        assert saved_items(client) == []
    assert path.with_suffix(".damaged").exists()


def test_a_damaged_history_is_renamed_and_replaced(daemon):
    daemon.dirs.state.mkdir(parents=True)
    path = daemon.dirs.state / "history.sqlite"
    path.write_bytes(b"SQLite format 3\0" + b"nonsense" * 500)
    with daemon.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, title="Harbour")
        client.request_history()
        assert [line.title for line in until(client, HistoryEntries).entries] == ["Harbour"]
    assert path.with_name("history.sqlite.damaged").exists()


def test_a_result_whose_picture_was_truncated_is_deleted_at_the_start(daemon):
    result_not_fetched(daemon, "editor")
    kill(daemon)
    for path in daemon.dirs.spool.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    with daemon.client("editor") as client:
        assert saved_items(client) == []
    assert "missing or incomplete" in daemon.dirs.log_file.read_text()


def test_a_start_on_a_full_disk_does_not_change_the_history(home):
    path = home / "history.sqlite"
    line = {
        "at": 1.0,
        "program": "",
        "title": "Harbour",
        "width": 1,
        "height": 1,
        "seconds": 1.0,
        "weights": "",
        "device": "",
        "settings": {},
        "styles": [],
        "thumbnail": b"",
    }
    history = History(path)
    history.add(line)
    history.close()
    with limited(os.getpid(), resource.RLIMIT_FSIZE, 0):
        History(path).close()
    assert [entry["title"] for entry in History(path).entries()] == ["Harbour"]
