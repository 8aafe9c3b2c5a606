"""Who may come from other machines, and what they get: real sockets, CURVE, a live daemon."""

from __future__ import annotations

import contextlib
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import zmq

from pastiche import protocol as p
from pastiche import zmtp
from pastiche.client import Finished, KeptItems, PastRestyles
from pastiche.errors import BadMessage, NotTrusted, PictureTooLarge, TooBusy, UnknownBlob, UsageError, error_from
from pastiche_daemon.guests import without_paths
from pastiche_daemon.keys import Keys, Pair
from pastiche_daemon.listening.remote import STRANGERS_BYTES, host_and_port
from pastiche_daemon.run import have_it_look
from tests.conftest import ENDLESS, QUICK, Daemon, picture
from tests.daemon.far import FarDaemon
from tests.daemon.test_life import until

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)


@pytest.fixture(scope="module")
def far() -> Iterator[FarDaemon]:
    folder = Path(tempfile.mkdtemp(prefix="pst-"))
    one = FarDaemon(folder)
    one.a_key("first")
    one.start()
    yield one
    one.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def laptop(far: FarDaemon) -> Iterator[Pair]:
    yield far.a_key("laptop")
    far.keys.revoke("laptop")
    have_it_look(far.places)
    shutil.rmtree(far.home / "painters" / "laptop")


def answer_to(client, message):
    """What the daemon says to this message; a failure is raised."""
    if not client.ready:
        client.wait_until_ready()
    client._send(message)
    for event in client.events():
        if isinstance(event, p.Failed):
            raise error_from(event.code, event.sentence)
        return event
    return None


def test_an_allowed_key_restyles(far, laptop):
    with far.come(laptop) as client:
        done = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
    assert bytes(done.picture.data) != CONTENT.data


def test_a_key_that_is_not_allowed_is_told_what_to_do_and_written_down(far):
    stranger = Keys(Daemon(far.home / "stranger").places).make_own("stranger")[1]
    with far.come(stranger) as client, pytest.raises(NotTrusted, match=f"pastiche keys allow {stranger.public.hex()}"):
        client.wait_until_ready()
    assert far.audit()[-1]["refused"] == stranger.public.hex()
    assert far.audit()[-1]["address"].startswith("127.0.0.1:")


def test_nothing_is_sent_to_a_daemon_that_does_not_hold_the_server_key(far, laptop):
    with far.come(laptop, server_key=b"\1" * 32) as client, pytest.raises(NotTrusted, match="pastiche keys server"):
        client.wait_until_ready()


def test_a_client_without_curve_gets_nothing(far):
    with socket.create_connection(host_and_port(far.endpoint)) as plain:
        plain.sendall(zmtp.GREETING + zmtp.ready(b"who"))
        heard = b"".join(iter(lambda: plain.recv(4096), b""))  # it hangs up by itself
    assert len(heard) <= zmtp.GREETING_BYTES  # no READY


def test_strangers_cost_nothing_and_honest_clients_are_served_beside_them(far, laptop):
    report = far.status()
    front = psutil.Process(report["pid"])
    before, open_before = front.memory_info().rss, front.num_fds()
    with contextlib.ExitStack() as stack:
        half = zmtp.GREETING.replace(b"NULL\0", b"CURVE")
        a_quarter = half + b"\6" + (1 << 22).to_bytes(8, "big") + bytes(1 << 20)  # of a frame that says it has 4 MiB
        for nonsense in [b"", half[:10], half, half + b"\4\xc8" + bytes(100)] * 14 + [a_quarter] * 24:
            one = stack.enter_context(socket.create_connection(host_and_port(far.endpoint)))
            with contextlib.suppress(OSError):  # hung up on already
                one.settimeout(1.0)
                one.sendall(nonsense)
        with far.come(laptop) as client:
            client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        assert front.num_fds() - open_before < 250  # 80 connections, of which 32 may wait, five descriptors each
        assert front.memory_info().rss - before < 8 << 20


def test_a_stranger_who_sends_more_than_a_handshake_is_hung_up_on(far):
    with socket.create_connection(host_and_port(far.endpoint)) as one:
        one.sendall(zmtp.GREETING.replace(b"NULL\0", b"CURVE") + b"\6" + (1 << 21).to_bytes(8, "big") + bytes(STRANGERS_BYTES))
        with contextlib.suppress(ConnectionResetError):
            assert len(b"".join(iter(lambda: one.recv(4096), b""))) < 1000


def test_a_key_whose_message_has_no_end_is_hung_up_on(far, laptop):
    with far.come(laptop) as client:
        client.wait_until_ready()
        front = psutil.Process(far.status()["pid"])
        before = front.memory_info().rss
        frame = bytes(1 << 20)
        try:
            for _ in range(200):
                client._link._dealer.send(frame, zmq.SNDMORE, copy=False)
            client._link._dealer.send(b"", copy=False)  # an end at last: 200 MB later
        except zmq.Again:
            pass
        failed = next(event for event in client.events() if isinstance(event, p.Failed))
        assert failed.code == "daemon_lost"
        assert front.memory_info().rss - before < 64 << 20


def test_a_key_reaches_no_result_of_another_nor_of_a_local_program(far, laptop):
    with far.client("painter") as local:
        local.wait_until_ready()
        kept = local.restyle(picture(seed=303), [(STYLE, 1.0)], QUICK)  # nobody else has these pixels
        local._start_fetching = lambda result: None  # it stays with the daemon
        until(local, p.Progress, kept)
        items: list = []
        while not items:
            local.ask_kept()
            items = until(local, KeptItems).items
        blob = items[0].result.picture["blob"]
        with far.come(laptop) as client:
            assert kept not in [result["job"] for result in client.wait_until_ready().results]
            with pytest.raises(UnknownBlob):
                answer_to(client, p.Get(blob, 0, 100, 1))
            assert {item.client for item in answer_to(client, p.AskKept(everyone=True)).items} <= {"key:laptop"}
            client._send(p.Drop(kept, "painter"))
            client._send(p.Cancel(kept))
            with pytest.raises(UnknownBlob):
                answer_to(client, p.Resume(kept, "painter"))
        local.ask_kept()
        assert [item.job for item in until(local, KeptItems).items] == [kept]
        local._send(p.Drop(kept))


def test_a_key_reaches_no_job_of_another(far, laptop):
    other = far.a_key("other")
    with far.come(other) as one, far.come(laptop) as two:
        job = one.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
        until(one, p.Progress, job)
        two.wait_until_ready()
        two._send(p.Cancel(job))
        assert two.status()["jobs"] == []
        assert [job["state"] for job in one.status()["jobs"]] == ["running"]
    far.keys.revoke("other")
    shutil.rmtree(far.home / "painters" / "other")


def test_the_hash_of_anothers_picture_is_no_right_to_it(far, laptop):
    secret = picture(seed=77)
    with far.client() as local:
        local.restyle_and_wait(secret, [(STYLE, 1.0)], QUICK)
    with far.come(laptop) as client:
        client.wait_until_ready()
        style = {"picture": STYLE.ref.to_wire(), "share": 1.0}
        client._send(p.Restyle("theft", "l", secret.ref.to_wire(), [style], None, replace(QUICK, strength=0).to_wire()))
        asked = []
        client._give = asked.append
        while not asked:
            client.drain()
        assert client.status()["jobs"][0]["state"] == "waiting"  # for pixels that it has not got
        client._send(p.Cancel("theft"))


@pytest.mark.parametrize("message", [p.Shutdown(False), p.Forget(), p.AskHistory()])
def test_what_is_the_owners_is_refused_to_a_key(far, laptop, message):
    with far.come(laptop) as client, pytest.raises(BadMessage, match="own machine"):
        answer_to(client, message)


def test_a_key_is_told_nothing_of_the_machine(far, laptop):
    with far.come(laptop) as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        report = client.status()
    assert not {"pid", "endpoints", "sessions", "spool_bytes", "pictures", "upstream"} & set(report)
    assert set(report["worker"]) <= {"busy", "state", "device", "weights"}
    assert str(far.home) not in repr(report)


def test_sentences_that_go_abroad_name_no_place():
    said = without_paths("The disk under /home/ann/my/spool has 3 MB free; '/a/b.npy' (and ~/x) are 1/2 full, 32 × 24, https is fine.")
    assert said == "The disk under (a place there) has 3 MB free; '(a place there)' (and (a place there)) are 1/2 full, 32 × 24, https is fine."


def test_too_large_a_picture_is_refused_with_the_keys_limit(far):
    pair = far.a_key("small", max_megapixels=0.001)
    with far.come(pair) as client:
        assert client.wait_until_ready().limits["max_megapixels"] == 0.001
        with pytest.raises(PictureTooLarge, match=r"key small may send up to 0\.001.*--max-megapixels 1"):
            client.restyle_and_wait(picture(40, 40), [(STYLE, 1.0)], QUICK)
    assert (far.audit()[-1]["key"], far.audit()[-1]["ended"]) == ("small", "picture_too_large")


def test_too_many_jobs_are_refused_but_a_newer_one_for_the_same_layer_is_not(far):
    pair = far.a_key("single", jobs=1)
    with far.come(pair) as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS, layer="one")
        until(client, p.Progress, job)
        with pytest.raises(TooBusy, match="may have 1 at a time"):
            client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, layer="two")
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, layer="one")


def test_too_many_bytes_are_refused_before_they_are_sent(far):
    pair = far.a_key("thin", megabytes=1)
    with far.come(pair) as client, pytest.raises(TooBusy, match=r"it may take 1\..*--megabytes 2"):
        client.restyle_and_wait(picture(600, 400), [(STYLE, 1.0)], QUICK)  # 0.72 MB, and as much for the result


def test_a_revoked_key_is_out_at_once_and_its_work_stops(far):
    pair = far.a_key("leaving")
    client = far.come(pair)
    job = client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
    until(client, p.Progress, job)
    far.keys.revoke("leaving")
    have_it_look(far.places)
    failed = next(event for event in client.events(job) if isinstance(event, p.Failed))
    assert failed.code == "daemon_lost"
    assert far.status()["jobs"] == []
    with pytest.raises(NotTrusted):
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
    assert [line["ended"] for line in far.audit() if line.get("key") == "leaving" and "job" in line] == ["vanished"]


def test_every_job_leaves_a_line_and_the_file_is_private(far, laptop):
    with far.come(laptop) as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], QUICK)
        until(client, Finished, job)
    line = next(line for line in far.audit() if line.get("job") == job)
    assert (line["key"], line["content"], line["others"], line["ended"]) == ("laptop", "32x24", ["40x40"], "done")
    assert line["seconds"] > 0
    assert stat.S_IMODE((far.places.state / "audit.log").stat().st_mode) == 0o600


def test_a_client_that_says_goodbye_and_one_that_vanishes_are_told_apart(far, laptop):
    ends = []
    for leave in (lambda client: client.close(), lambda client: client._link.drop()):
        client = far.come(laptop)
        job = client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
        until(client, p.Progress, job)
        leave(client)
        while far.status()["jobs"]:
            pass
        ends += [line["ended"] for line in far.audit() if line.get("job") == job]
    assert ends == ["dropped", "vanished"]


def test_work_for_others_is_not_in_the_owners_history(far, laptop):
    with far.client() as local:
        local.wait_until_ready()
        local.ask_history()
        before = len(until(local, PastRestyles).lines)
        with far.come(laptop) as client:
            client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        local.ask_history()
        assert len(until(local, PastRestyles).lines) == before


@pytest.mark.parametrize("address", ["tcp://nowhere", "ipc:///tmp/x", "http://127.0.0.1:1", "tcp://:5", "tcp://1.2.3.4:99999", ""])
def test_an_address_that_is_none_gets_a_sentence(address):
    with pytest.raises(UsageError, match="tcp://HOST:PORT"):
        host_and_port(address)
