"""A daemon that sends its jobs to another daemon, found by a connection file: real processes."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import zmq

from tests.conftest import ENDLESS, QUICK, Daemon, picture, wait_for_end
from tests.support.daemons import limited, near_to, until, until_failed
from velatura.app_dirs import app_dirs
from velatura.client.client import Client
from velatura.client.connection_file import ConnectionInfo, publish
from velatura.client.events import Finished, GivenStyle, HistoryEntries, SavedItems
from velatura.client.launch import Launcher, record_launcher, terminal_command
from velatura.errors import NotTrusted, UsageError, VelaturaError
from velatura.pixels import MASK_FORMAT, Picture, PictureRef
from velatura.protocol import auth, codec
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.cli.daemon import run
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.remote.provider import RemoteProvider

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)


@pytest.fixture(scope="module")
def far() -> Iterator[Daemon]:
    folder = Path(tempfile.mkdtemp(prefix="vel-"))
    one = Daemon(folder, ("--keep-seconds", "0.2"))  # a short restyle has a checkpoint there
    one.status()
    yield one
    one.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def near(far: Daemon) -> Iterator[Daemon]:
    folder = Path(tempfile.mkdtemp(prefix="vel-"))
    one = near_to(far, folder)
    yield one
    one.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def another(far: Daemon, home: Path) -> Iterator[Daemon]:
    """A daemon of the test's own, whose options it may change."""
    one = near_to(far, home)
    yield one
    one.stop()


def test_strength_0_returns_the_picture_unchanged_to_the_bit(near):
    for content in (picture(seed=5, channels="BGRA"), CONTENT):
        with near.client() as client:
            done = client.restyle_and_wait(content, [(STYLE, 1.0)], StyleSettings(strength=0, quality="draft"))
        assert bytes(done.picture.data) == bytes(content.data)


def test_a_draft_made_there_is_the_same_as_one_made_here(near, far):
    mask = Picture(32, 24, MASK_FORMAT, bytes(12 * 32) + b"\xff" * (12 * 32))
    with near.client() as client, far.client() as there:
        through = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, mask=mask)
        directly = there.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, mask=mask)
    assert bytes(through.picture.data) == bytes(directly.picture.data)
    assert (through.result.left, through.result.top, through.result.mask) == (
        directly.result.left,
        directly.result.top,
        mask.ref.to_wire(),
    )
    assert through.result.device.endswith("of another daemon")  # no path: it goes into the picture's metadata


def test_a_job_reports_progress_previews_and_an_estimate(near):
    with near.client() as client:
        seen = {type(event) for event in client.events(client.restyle(picture(seed=3), [(STYLE, 1.0)], QUICK))}
        answer = client.estimate(640, 480, QUICK)
    assert {p.Accepted, p.Queued, p.Progress, p.Preview, Finished} <= seen
    assert answer.memory > 0


def test_a_cancel_reaches_the_other_daemon(near, far):
    with near.client() as client, far.client() as watching:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
        until(client, p.Progress, job)
        client.cancel(job)
        until(client, p.Cancelled, job)
        while watching.status()["jobs"]:
            pass
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)


def test_a_changed_setting_starts_from_the_last_image_there(near):
    with near.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, layer="moved")
        other = StyleSettings(quality="draft", iterations=6, strength=90)
        done = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], other, layer="moved", adjust=True)
    assert done.result.started_from == "last"


def test_a_view_is_restyled_there(near):
    with near.client() as client:
        done = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, view=(8, 4, 20, 16))
    assert (done.result.left, done.result.top, done.picture.width, done.picture.height) == (8, 4, 20, 16)


def test_a_failure_there_is_reported_here(near):
    with near.client() as client, pytest.raises(VelaturaError, match="device"):
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, device="cuda:77")


def test_names_titles_notes_and_paths_stay_on_this_machine(another):
    style = GivenStyle(STYLE, 1.0, None, "Starry Night", "/home/ludmilla/secret/starry.png")
    with Impostor(another.home / "impostor") as there:
        another.options = ("--upstream", str(there.file))
        with another.client() as client:
            job = client.restyle(
                CONTENT, [style], QUICK, layer="the duke's portrait", title="Portrait of the duke", note="for Ludmilla"
            )
            frames_received = there.receive_until("restyle", client)
            client.cancel(job)
            until(client, p.Cancelled, job)
    sent = b"".join(frames_received)
    assert PictureRef.from_wire(codec.unpack(frames_received[-1:])[0].content) == CONTENT.ref
    assert not [word for word in (b"duke", b"Ludmilla", b"Starry", b"secret", b"starry", b"ludmilla") if word in sent]


def test_a_result_that_does_not_match_the_content_is_refused(another):
    with Impostor(another.home / "impostor") as there:
        another.options = ("--upstream", str(there.file))
        with another.client() as client:
            job = client.restyle(CONTENT, [(STYLE, 1.0)], QUICK)
            request = codec.unpack(there.receive_until("restyle", client)[-1:])[0]
            huge = {**request.content, "width": 1 << 15, "height": 1 << 15, "blob": b"h" * 32}
            there.send(p.Result(request.job, request.layer, huge, 0, 0, "w", "d", 1.0, 0.0, 0.0, "content", {}, []))
            failed = next(event for event in client.events(job) if isinstance(event, (p.Failed, p.Notice)))
            assert "does not match the picture it received" in failed.sentence
            client.cancel(job)


def test_an_upstream_without_the_key_gets_no_picture_and_fails_the_job(another):
    with Impostor(another.home / "impostor", knows_key=False) as there:
        another.options = ("--upstream", str(there.file))
        with another.client() as client:
            job = client.restyle(CONTENT, [(STYLE, 1.0)], QUICK)
            frames_received = there.receive_until("hello", client)
            failed = until(client, p.Failed, job)
    assert (failed.code, "does not know its key" in failed.sentence) == (NotTrusted.code, True)
    assert {codec.unpack([frame])[0].type for frame in frames_received} == {"hello"}


def test_a_daemon_is_not_its_own_upstream(home):
    own = app_dirs({"VELATURA_HOME": str(home)})
    with pytest.raises(UsageError, match="own connection file"):
        RemoteProvider(DaemonConfig(upstream=str(own.connection_file)), own, lambda: None)


def test_daemons_that_name_each_other_say_so_instead_of_waiting(home):
    one, other = Daemon(home / "one"), Daemon(home / "other")
    one.options = ("--upstream", str(other.dirs.connection_file))
    other.options = ("--upstream", str(one.dirs.connection_file))
    try:
        other.status()
        with one.client() as client:
            job = client.restyle(CONTENT, [(STYLE, 1.0)], QUICK)
            assert "to one another" in until_failed(client, job).sentence
            estimate = client.estimate(100, 100, QUICK)
            assert estimate.seconds < 0
            assert "to one another" in estimate.sentence
            assert client.status()["jobs"] == other.status()["jobs"] == []
    finally:
        one.stop()
        other.stop()


@pytest.mark.parametrize("kind", ["damaged", "open to others", "a folder", "a link"])
def test_an_unusable_connection_file_fails_the_job_and_nothing_else(home, kind):
    file = home / "other.json"
    if kind == "a folder":
        file.mkdir()
    elif kind == "a link":
        file.symlink_to(home / "elsewhere.json")
    else:
        file.write_text("{")
        file.chmod(0o600 if kind == "damaged" else 0o644)
    one = Daemon(home / "near", ("--upstream", str(file)))
    try:
        with one.client() as client:
            for _ in range(2):
                job = client.restyle(CONTENT, [(STYLE, 1.0)], QUICK)
                failed = until(client, p.Failed, job)
                assert (failed.code, str(file) in failed.sentence) == ("daemon_lost", True), failed
            assert client.status()["jobs"] == []
    finally:
        one.stop()


def test_the_fallback_replaces_a_killed_upstream(home):
    far = Daemon(home / "far")
    far.status()
    near = near_to(far, home / "near", "--fallback", "local")
    try:
        with near.client() as client:
            assert client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK).result.device.endswith("of another daemon")
            pid = far.status()["pid"]
            os.kill(pid, signal.SIGKILL)
            wait_for_end(pid)
            done = client.restyle_and_wait(picture(seed=9), [(STYLE, 1.0)], QUICK)
            assert not done.result.device.endswith("of another daemon")
            assert client.status()["fallback_active"]
    finally:
        near.stop()
        far.stop()


def test_a_relative_path_is_recorded_as_an_absolute_one(monkeypatch, home):
    monkeypatch.chdir(home)
    (command,) = [option for option in run.params if option.name == "upstream"]
    context = click.Context(run)
    assert command.process_value(context, "far/connection.json") == str(Path.cwd() / "far" / "connection.json")
    assert command.process_value(context, "") == ""
    with pytest.raises(click.BadParameter):
        command.process_value(context, "~nobody-of-that-name/x")


def test_work_for_another_daemon_is_not_in_the_history(near, far):
    with near.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, title="Private title")
    with far.client() as there:
        there.request_history()
        lines = next(event for event in there.events() if isinstance(event, HistoryEntries)).entries
    assert not [line for line in lines if line.program == "daemon"]


def test_status_names_where_the_work_is_done(near, far):
    with near.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        report = client.status()
    assert report["upstream"] == str(far.dirs.connection_file)
    assert report["worker"]["pid"] == 0
    assert report["worker"]["device"].endswith("of another daemon")
    assert "VGG19" in report["worker"]["weights"]


def test_the_history_stays_here_with_thumbnails(near):
    with near.client() as client:
        client.restyle_and_wait(
            CONTENT, [GivenStyle(STYLE, 1.0, None, "Starry", "/p/starry.png")], QUICK, title="A title"
        )
        client.request_history()
        line = next(event for event in client.events() if hasattr(event, "entries")).entries[0]
    assert (line.title, line.styles[0].name) == ("A title", "Starry")
    assert line.thumbnail[:2] == line.styles[0].thumbnail[:2] == b"\xff\xd8"


def test_a_killed_upstream_that_comes_back_costs_one_notice(home):
    far = Daemon(home / "far")
    far.status()
    near = near_to(far, home / "near")
    try:
        with near.client() as client:
            report = far.status()
            job = client.restyle(CONTENT, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=200))
            until(client, p.Progress, job)
            os.kill(report["pid"], signal.SIGKILL)
            assert "tried once more" in until(client, p.Notice, job).sentence
            wait_for_end(report["pid"])
            far.status()  # starts another daemon, with another key
            assert until(client, Finished, job).picture
    finally:
        near.stop()
        far.stop()


def test_an_unreachable_upstream_is_reported_with_advice(home):
    near = near_to(Daemon(home / "nobody"), home / "near")
    try:
        with near.client() as client:
            job = client.restyle(CONTENT, [(STYLE, 1.0)], QUICK)
            assert "Trying again for a few seconds" in until(client, p.Notice, job).sentence
            client.cancel(job)
            until(client, p.Cancelled, job)
    finally:
        near.stop()


def test_editors_start_the_daemon_as_recorded(home):
    one = Daemon(home)
    record_launcher(one.dirs, Launcher(("/opt/p", "daemon", "run", "--upstream", "/box/connection.json"), "b"))
    assert terminal_command(one.dirs) == "/opt/p daemon start --upstream /box/connection.json"


class Impostor:
    """A hostile daemon with a connection file: it accepts every client and sends whatever the test sends."""

    def __init__(self, folder: Path, *, knows_key: bool = True) -> None:
        """knows_key: whether it knows the key in its connection file."""
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.endpoint = f"tcp://127.0.0.1:{self.router.bind_to_random_port('tcp://127.0.0.1')}"
        dirs = app_dirs({"VELATURA_HOME": str(folder)})
        self._key, published = auth.fresh_key(), auth.fresh_key()
        publish(dirs, ConnectionInfo((self.endpoint,), self._key if knows_key else published, os.getpid(), ""))
        self.file = dirs.connection_file
        self._route = b""

    def __enter__(self) -> Impostor:
        return self

    def receive_until(self, kind: str, client: Client) -> list[bytes]:
        """Return all frames that arrive, up to the header of a message of this type. Answers handshakes, and lets the
        client work meanwhile."""
        frames_received: list[bytes] = []
        while True:
            client.drain()
            if not self.router.poll(10):
                continue
            self._route, *frames = self.router.recv_multipart()
            frames_received += frames
            message = codec.unpack(frames)[0]
            if isinstance(message, p.Hello):
                nonce = auth.fresh_nonce()
                proof = auth.proof(self._key, "daemon", message.nonce, nonce, self.endpoint, p.VERSION)
                self.send(p.Challenge(list(p.VERSION), nonce, proof))
            elif isinstance(message, p.Proof):
                self.send(p.Welcome(b"s" * 16, "", 5.0, True, {}, []))
            if message.type == kind:
                return frames_received

    def send(self, message: p.Message) -> None:
        self.router.send_multipart([self._route, *codec.pack(message)])

    def __exit__(self, *_: object) -> None:
        self.context.destroy(linger=0)


def test_a_daemon_killed_midway_resumes_what_another_daemon_has_done_for_it(another):
    another.options += ("--keep-seconds", "0")
    client = another.client("editor")
    pid = another.status()["pid"]
    job = client.restyle(CONTENT, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=400))
    until(client, p.Preview, job)
    with another.client("watching") as watching:
        while not list(another.dirs.state.glob("checkpoints/*.record")):
            watching.status()
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)
    with pytest.raises(VelaturaError, match="progress was saved"):
        until(client, Finished, job)
    client.request_saved()
    (item,) = until(client, SavedItems).items
    assert not item.finished
    client.resume(item)
    assert until(client, Finished, job).result.started_from == "last"


def test_a_result_that_cannot_be_written_here_stays_on_the_other_daemon(near, far):
    with near.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], StyleSettings(strength=0))
        pid, kept_before = client.status()["pid"], far.status()["results_kept"]
        big = picture(200, 150, seed=77)
        job = client.restyle(big, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=30))
        until(client, p.Progress, job)
        with limited(pid, resource.RLIMIT_FSIZE, 20_000):
            assert next(event for event in client.events(job) if isinstance(event, p.Failed)).code == "disk"
        assert far.status()["results_kept"] == kept_before + 1
