"""A daemon that sends its jobs to another machine: real ssh, a real sshd, real daemons."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import ENDLESS, QUICK, Daemon, picture, wait_for_end
from tests.support import slow_line
from tests.support.daemons import status_when, until
from tests.support.sshd import Box
from velatura.app_dirs import app_dirs
from velatura.client.client import Client
from velatura.client.connection_file import ConnectionInfo
from velatura.client.events import Finished
from velatura.client.launch import Launcher, record_launcher
from velatura.errors import DaemonLost
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.build import build_id
from velatura_daemon.executors.remote import forward
from velatura_daemon.executors.remote.connection import RemoteConnection
from velatura_daemon.executors.remote.request import CheckingClient
from velatura_daemon.executors.remote.ssh import RemoteFailure
from velatura_daemon.executors.remote.tunnel import SshTunnel
from velatura_daemon.remote_target import parse_target

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)
LONG = StyleSettings(quality="draft", iterations=300)
ELSEWHERE = "of another daemon"


@pytest.fixture(scope="module")
def shared_box() -> Iterator[Box]:
    """A box whose warm daemon the tests share; they may end it, but not change the box."""
    folder = Path(tempfile.mkdtemp(prefix="vel-"))
    one = Box(folder)
    yield one
    one.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def near(shared_box: Box) -> Iterator[Daemon]:
    one = shared_box.near(shared_box.folder / "near")
    yield one
    one.stop()


@pytest.fixture
def box(home: Path) -> Iterator[Box]:
    """A box of the test's own."""
    one = Box(home / "there")
    yield one
    one.close()


@pytest.fixture
def own(box: Box, home: Path) -> Iterator[Daemon]:
    """A daemon of the test's own, for its own box; the test may change its options before it starts."""
    one = box.near(home / "near")
    yield one
    one.stop()


def restyle(client: Client, seed: int = 1, settings: StyleSettings = QUICK) -> Finished:
    return client.restyle_and_wait(picture(seed=seed), [(STYLE, 1.0)], settings)


def test_the_result_is_the_one_that_the_box_makes(near, shared_box):
    with near.client() as client:
        through = restyle(client)
    with Client("tests", dirs=shared_box.dirs, client_id="there", start=False) as there:
        directly = restyle(there)
    assert bytes(through.picture.data) == bytes(directly.picture.data)
    assert through.result.device.endswith(ELSEWHERE)  # no name of a machine: it goes into the picture's metadata


def test_progress_previews_and_estimates_arrive_and_say_where_the_work_is_done(near):
    with near.client() as client:
        seen = list(client.events(client.restyle(picture(seed=3), [(STYLE, 1.0)], QUICK)))
        report = client.status()
    assert {p.Accepted, p.Queued, p.Progress, p.Preview, Finished} <= {type(event) for event in seen}
    assert next(event for event in seen if isinstance(event, p.Estimate)).sentence.startswith("box: About ")
    assert report["worker"]["device"].endswith(" on box")


def test_a_cancel_reaches_the_box(near, shared_box):
    with near.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
        until(client, p.Progress, job)
        client.cancel(job)
        until(client, p.Cancelled, job)
    with Client("tests", dirs=shared_box.dirs, client_id="watching", start=False) as there:
        status_when(there, lambda report: not report["jobs"])


def test_a_changed_setting_starts_from_the_last_image_on_the_box(near):
    with near.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, layer="moved")
        other = StyleSettings(quality="draft", iterations=6, strength=90)
        done = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], other, layer="moved", adjust=True)
    assert done.result.started_from == "last"


def test_a_frame_of_a_film_follows_its_previous_frames_on_the_box(near, shared_box):
    previous = [(CONTENT, picture(seed=9))]  # of the same content: followed everywhere
    with near.client() as client:
        through = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, previous=previous, background=True)
        alone = restyle(client)
    with Client("tests", dirs=shared_box.dirs, client_id="there", start=False) as there:
        directly = there.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, previous=previous)
    assert bytes(through.picture.data) == bytes(directly.picture.data) != bytes(alone.picture.data)


def test_a_killed_ssh_costs_one_notice(near, shared_box):
    with near.client() as client:
        job = client.restyle(picture(seed=5), [(STYLE, 1.0)], LONG)
        until(client, p.Progress, job)
        for pid in shared_box.ssh_pids():
            os.kill(pid, signal.SIGKILL)
        assert "tried once more" in until(client, p.Notice, job).sentence
        assert until(client, Finished, job)


def test_a_killed_daemon_of_the_box_is_started_again_and_costs_one_notice(near, shared_box):
    with near.client() as client:
        job = client.restyle(picture(seed=6), [(STYLE, 1.0)], LONG)
        until(client, p.Progress, job)
        shared_box.kill_daemon()
        assert "tried once more" in until(client, p.Notice, job).sentence
        assert until(client, Finished, job)


@pytest.fixture
def tunnel(shared_box: Box, home: Path) -> Iterator[SshTunnel]:
    """The way to the box, in this process."""
    one = SshTunnel(shared_box.ssh, parse_target("box"), app_dirs({"VELATURA_HOME": str(home)}))
    yield one
    one.close()


def connect(tunnel: SshTunnel) -> p.Welcome:
    """Complete a handshake through the tunnel, and close the session."""
    connection = RemoteConnection(tunnel, "tests")
    while (welcome := connection.advance()) is None:
        connection.wait()
    connection.close()
    return welcome


def test_a_dead_socket_behind_a_living_ssh_is_noticed_by_the_handshake(tunnel, shared_box):
    """ssh goes on accepting connections for a socket that nobody serves any more."""
    others = set(shared_box.ssh_pids())
    connect(tunnel)
    (ours,) = set(shared_box.ssh_pids()) - others
    shared_box.kill_daemon()
    assert ours in shared_box.ssh_pids()
    assert connect(tunnel)
    assert ours not in shared_box.ssh_pids()


def test_a_port_is_forwarded_where_ssh_has_no_unix_sockets(tunnel, monkeypatch):
    monkeypatch.setattr(forward, "POSIX", False)
    connect(tunnel)
    (address,) = tunnel.find()
    assert address.dial.startswith("tcp://127.0.0.1:")
    assert address.endpoint.startswith("tcp://127.0.0.1:") and address.endpoint != address.dial


def test_a_path_that_ssh_cannot_forward_gets_a_folder_of_its_own(shared_box, home):
    odd = app_dirs({"VELATURA_HOME": str(home / "50% of:everything ${HOME}")})
    tunnel = SshTunnel(shared_box.ssh, parse_target("box"), odd)
    connect(tunnel)
    (address,) = tunnel.find()
    folder = Path(address.dial.removeprefix("ipc://")).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    tunnel.close()
    assert not folder.exists()


def test_a_slow_line_is_not_taken_for_a_dead_one(box, home):
    """A picture that takes several times as long as the silence after which a connection counts as lost."""
    options = ("--heartbeat", "2")
    command = (sys.executable, "-m", "velatura_daemon", "daemon", "run", *options)
    record_launcher(box.dirs, Launcher(command, build_id()))
    box.write_config(f"Host box\nProxyCommand {sys.executable} {slow_line.__file__} %h %p 1e6")
    tunnel = SshTunnel(box.ssh, parse_target("box"), app_dirs({"VELATURA_HOME": str(home)}))
    tunnel.silence = 0.0
    client = CheckingClient("tests", connection=RemoteConnection(tunnel, "tests"))
    client.send_in_small_pieces()
    with client:
        client.wait_until_ready()
        content = picture(2000, 2000)  # 12 s, three times the silence after which a connection counts as lost
        job = client.restyle(content, [(STYLE, 1.0)], StyleSettings(strength=0))
        client.expected = p.Restyle(job, "", content.ref.to_wire(), [], None, {})
        assert until(client, Finished, job)
    tunnel.close()


def test_a_session_that_ended_unused_is_opened_again_at_once(tunnel, shared_box):
    others = set(shared_box.ssh_pids())
    connect(tunnel)
    (ours,) = set(shared_box.ssh_pids()) - others
    os.kill(ours, signal.SIGTERM)
    wait_for_end(ours)
    assert connect(tunnel)
    assert tunnel.problem == ""


def test_a_banner_is_not_taken_for_an_error(box, home):
    box.stop_sshd()
    (home / "banner").write_text("Unauthorized access is prohibited.\nConnection refused\n")
    box.start(f"Banner {home}/banner")
    tunnel = SshTunnel(box.ssh, parse_target("box"), app_dirs({"VELATURA_HOME": str(home)}))
    connect(tunnel)
    box.kill_daemon()
    assert connect(tunnel)
    tunnel.close()


def test_what_failed_before_a_cancel_is_not_believed_later(box, home):
    keys = (box.folder / "authorized_keys").read_text()
    (box.folder / "authorized_keys").write_text("")
    tunnel = SshTunnel(box.ssh, parse_target("box"), app_dirs({"VELATURA_HOME": str(home)}))
    tunnel.begin()
    tunnel.find()  # a login is under way, and nobody waits for it any more
    (box.folder / "authorized_keys").write_text(keys)
    tunnel._used_at -= 60
    assert connect(tunnel)
    tunnel.close()


@pytest.mark.parametrize(
    "endpoint", ["tcp:///x/${HOME}", "tcp://10.0.0.1:22", "tcp://127.0.0.1:1:2", "ipc:///a:b", "x"]
)
def test_only_a_socket_or_a_port_of_the_box_itself_is_forwarded(home, endpoint):
    """ssh would expand variables of this machine in whatever else the box claims."""
    info = ConnectionInfo((endpoint,), b"k" * 32, 1, "")
    with pytest.raises(RemoteFailure, match="no socket that ssh can forward"):
        forward.Forward("ssh", parse_target("box"), info, home / "s")


def test_an_unused_connection_is_closed(tunnel, shared_box, monkeypatch):
    before = set(shared_box.ssh_pids())
    connect(tunnel)
    assert tunnel.tend(in_use=False) is not None
    monkeypatch.setattr("velatura_daemon.executors.remote.tunnel.UNUSED_SECONDS", -1.0)
    assert tunnel.tend(in_use=False) is None
    assert set(shared_box.ssh_pids()) == before


def test_the_daemon_of_the_box_has_a_session_of_its_own_and_its_socket_in_the_state_folder(near, shared_box):
    with near.client() as client:
        restyle(client)
    with Client("tests", dirs=shared_box.dirs, client_id="watching", start=False) as there:
        endpoints = there.status()["endpoints"]
    assert os.getsid(shared_box.daemon_pid) == shared_box.daemon_pid
    assert f"ipc://{shared_box.dirs.state}/run/daemon.sock" in endpoints
    assert "--exit-seconds" in psutil.Process(shared_box.daemon_pid).cmdline()


def test_ssh_ends_with_the_daemon_and_its_stale_socket_is_replaced(box, own):
    with own.client() as client:
        restyle(client)
        ssh, pid = box.ssh_pids(), client.status()["pid"]
    assert len(ssh) == 1
    os.kill(pid, signal.SIGKILL)
    for one in (pid, *ssh):
        wait_for_end(one)
    assert list(own.dirs.runtime.glob("daemon-*.sock"))
    with own.client() as client:
        assert restyle(client, 2).result.device.endswith(ELSEWHERE)
    own.stop()
    assert not box.ssh_pids()
    assert not list(own.dirs.runtime.glob("daemon-*.sock"))


def test_spaces_in_paths_and_a_login_shell_that_prints(home):
    box = Box(home / "the other machine")
    program = box.home / "my programs" / "velatura"
    box.install(at=program)
    box.velatura.unlink()
    (box.home / ".bashrc").write_text("echo Welcome; echo 'No mail.' >&2\n")
    here = app_dirs({"VELATURA_HOME": str(home / "this machine")})
    for path in (program, program.relative_to(box.home), f"~/{program.relative_to(box.home)}", program.parent):
        tunnel = SshTunnel(box.ssh, parse_target(f"box:{path}"), here)
        assert connect(tunnel)
        assert tunnel.info.program == str(program)
        tunnel.close()
    box.close()


def test_a_box_that_wakes_up_late_gets_the_job(box, own):
    box.stop_sshd()
    with own.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], QUICK)
        notices = (event for event in client.events(job) if isinstance(event, p.Notice))
        assert "Connecting to box" in next(notices).sentence
        assert "accepts no ssh connections" in next(notices).sentence
        box.start()
        assert until(client, Finished, job)


def test_the_fallback_works_while_the_box_is_off(box, own):
    own.options += ("--fallback", "local")
    box.stop_sshd()
    with own.client() as client:
        done = restyle(client)
        assert not done.result.device.endswith(ELSEWHERE)
        assert client.status()["fallback_active"]
    box.start()


def test_a_job_that_was_cancelled_while_connecting_is_not_started(box, own):
    box.stop_sshd()
    with own.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], QUICK)
        until(client, p.Notice, job)
        client.cancel(job)
        until(client, p.Cancelled, job)
        box.start()
        restyle(client, 2)
        assert not client.status()["jobs"]


def test_two_boxes_work_at_the_same_time_and_one_takes_over_for_the_other(home):
    left, right = Box(home / "left"), Box(home / "right")
    config = [(one.folder / "ssh_config").read_text() for one in (left, right)]
    both = config[0].replace("Host box", "Host left") + config[1].replace("Host box", "Host right")
    (left.folder / "ssh_config").write_text(both)
    own = Daemon(home / "near", ("--remote", "left", "--remote", "right", "--ssh", left.ssh))
    try:
        with own.client() as client:
            jobs = [client.restyle(picture(seed=seed), [(STYLE, 1.0)], ENDLESS, layer=str(seed)) for seed in (1, 2)]
            for job in jobs:
                until(client, p.Progress, job)
            for box in (left, right):
                with Client("tests", dirs=box.dirs, client_id="watching", start=False) as there:
                    assert len(there.status()["jobs"]) == 1
            for job in jobs:
                client.cancel(job)
                until(client, p.Cancelled, job)
            left.stop_sshd()
            for seed in (3, 4):
                assert restyle(client, seed).result.device.endswith(ELSEWHERE)
            right.stop_sshd()
            job = client.restyle(picture(seed=5), [(STYLE, 1.0)], QUICK)
            while "Trying again" not in until(client, p.Notice, job).sentence:
                pass
            left.start()  # whichever of the two the job waits for
            assert until(client, Finished, job)
            right.start()
    finally:
        own.stop()
        left.close()
        right.close()


def failure(own: Daemon) -> str:
    """The sentence of a restyle's failure."""
    with own.client() as client, pytest.raises(DaemonLost) as caught:
        restyle(client)
    return caught.value.sentence


def test_an_unknown_host_key_is_named(box, own):
    box.write_known_hosts("")
    assert failure(own) == ("ssh does not know box yet. Run 'ssh box' once in a terminal and confirm its host key.")


def test_a_changed_host_key_is_named_and_nothing_is_sent(box, own):
    box.write_known_hosts((box.folder / "user_key.pub").read_text())
    assert "is not the one that ssh remembers" in failure(own)
    assert not box.dirs.state.exists()


def test_a_refused_key_is_named(box, own):
    (box.folder / "authorized_keys").write_text("")
    assert "does not accept your ssh key" in failure(own)


def test_a_missing_velatura_is_named_with_the_place_that_was_given(box, own, home):
    box.velatura.unlink()
    assert "Velatura was not found on box" in failure(own)
    own.stop()
    own.options = box.near(home / "near", target="box:~/nowhere").options
    assert "There is no velatura at ~/nowhere on box" in failure(own)


def test_a_velatura_without_the_command_is_too_old(box, own):
    box.install("from velatura_daemon.cli.daemon import daemon; del daemon.commands['connection']")
    assert "is too old to work for another machine" in failure(own)


@pytest.mark.parametrize(("major", "older"), [(1, "on box"), (9, "on this machine")])
def test_another_major_version_says_which_side_to_update(box, own, major, older):
    box.install(f"import velatura_daemon.terminal.connect as c; c.VERSION = ({major}, 0)")
    assert failure(own).endswith(f"Update Velatura {older}.")


def test_an_older_minor_version_works_without_the_settings_that_it_does_not_know(box, own):
    """A daemon that refuses unknown settings, as all do, and does not know `seamless`."""
    program = box.home / "older"
    older = (
        "import velatura.settings as s, velatura_daemon.terminal.connect as c; known = s.setting_specs; "
        "s.setting_specs = c.setting_specs = lambda: {n: v for n, v in known().items() if n != 'seamless'}"
    )
    box.install(older)
    box.install(older, at=program)
    record_launcher(box.dirs, Launcher((str(program), "daemon", "run"), build_id()))
    box.install(
        older + f"\nimport velatura_daemon.build as b; c.daemon_command = lambda: ({str(program)!r}, 'daemon', 'run')"
    )
    with own.client() as client:
        assert restyle(client)
        job = client.restyle(CONTENT, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=6, seamless=True))
        failed = next(event for event in client.events(job) if isinstance(event, p.Failed))
    assert "does not know the setting 'seamless'" in failed.sentence


def test_a_daemon_that_cannot_start_there_says_why(box, own):
    box.dirs.state.parent.mkdir(parents=True)
    box.dirs.state.write_text("a file where the folder should be")
    sentence = failure(own)
    assert sentence.startswith("The daemon on box did not start. It reported:")
    assert str(box.dirs.state) in sentence


def test_a_server_that_forbids_unix_sockets_is_reached_at_the_port(box, own):
    box.stop_sshd()
    box.start("AllowStreamLocalForwarding no")
    with own.client() as client:
        assert restyle(client)


def test_a_server_that_forbids_forwarding_is_named(box, own):
    box.stop_sshd()
    box.start("AllowStreamLocalForwarding no", "AllowTcpForwarding no")
    assert "forbids forwarding" in failure(own)


def test_a_box_that_leads_back_to_this_daemon_is_refused(box, own):
    box.install(f"os.environ['VELATURA_HOME'] = {str(own.home)!r}")
    assert "leads back to this daemon" in failure(own)


def test_a_box_that_gives_its_work_to_another_machine_is_refused(box, own):
    """Two machines that name each other would wait for ever."""
    box.install(
        "import velatura_daemon.terminal.connect as c; own = c.own_launcher; "
        "c.own_launcher = lambda: own('--remote', 'third')"
    )
    assert "passes its jobs on to another machine" in failure(own)
