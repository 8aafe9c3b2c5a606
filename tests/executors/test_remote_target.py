"""What --remote may name, and the sentences for what ssh prints."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sshd import need_sshd
from velatura.errors import UsageError
from velatura_daemon.executors.remote.probe import PLACES, script_for
from velatura_daemon.executors.remote.ssh import RemoteFailure, command_line, explain
from velatura_daemon.remote_target import Target, parse_target

BOX = Target("me@box", "box", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("box", ("box", "box", "")),
        ("me@box", ("me@box", "box", "")),
        ("me@box:/opt/my tools/velatura", ("me@box", "box", "/opt/my tools/velatura")),
        ("box:~/velatura", ("box", "box", "~/velatura")),
        ("box:C:/x", ("box", "box", "C:/x")),
        ("me@corp@box", ("me@corp@box", "box", "")),
        ("DOMAIN\\me@box", ("DOMAIN\\me@box", "box", "")),
        ("me@[::1]", ("me@::1", "::1", "")),
        ("[fe80::1%eth0]:/x", ("fe80::1%eth0", "fe80::1%eth0", "/x")),
        ("box:/a[1]", ("box", "box", "/a[1]")),
    ],
)
def test_a_target_is_a_destination_and_perhaps_a_path(text, expected):
    target = parse_target(text)
    assert (target.destination, target.host, target.program) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "me@",
        "@box",
        "-oProxyCommand=touch x",
        "me@-box",
        "-me@box",
        "my box",
        "a;b",
        "$(x)",
        "me@[::1",
        "box\n",
    ],
)
def test_what_names_no_machine_is_refused(text):
    with pytest.raises(UsageError, match="--remote"):
        parse_target(text)


@given(st.text())
def test_no_target_can_be_read_as_an_option(text):
    try:
        target = parse_target(text)
    except UsageError:
        return
    assert not target.destination.startswith("-") and not target.host.startswith("-")
    assert target.destination.split() == [target.destination]


@given(st.text(alphabet=st.characters(blacklist_categories=["C", "Z"])))
def test_a_path_reaches_the_script_as_one_word(path):
    line = next(line for line in script_for(Target("box", "box", path)).splitlines() if line.startswith("given="))
    assert shlex.split(line) == [f"given={path}"]


@pytest.mark.parametrize(
    ("printed", "expected", "may_pass"),
    [
        ("ssh: Could not resolve hostname box: Name or service not known", "no machine called box", False),
        ("ssh: Could not resolve hostname box: Temporary failure in name resolution", "this machine is online", True),
        ("ssh: connect to host box port 22: Connection refused", "Start its ssh server", True),
        ("ssh: connect to host box port 22: No route to host", "(No route to host)", True),
        ("ssh: connect to host box port 22: Connection timed out", "(Connection timed out)", True),
        ("ssh: connect to host box port 22: Network is unreachable", "(Network is unreachable)", True),
        ("No ED25519 host key is known for box and you have requested strict checking.\nHost key verification failed.",
         "run 'ssh me@box' once", False),
        ("@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@\nHost key verification failed.",
         "run 'ssh me@box' and follow the instructions", False),
        ("me@box: Permission denied (publickey,password).", "ssh-copy-id me@box", False),
        ("Received disconnect from 1.2.3.4 port 22:2: Too many authentication failures", "ssh-copy-id me@box", False),
        ("kex_exchange_identification: read: Connection reset by peer", "has closed the ssh connection", True),
        ("Timeout, server box not responding.", "has closed the ssh connection", True),
        ("bind [127.0.0.1]:8888: Address already in use\nCould not request local forwarding.",
         "an alias without", False),
        ("/home/me/.ssh/config: line 3: Bad configuration option: frobnicate", "Bad configuration option", False),
        ("Connection to 127.0.0.1 closed by remote host.", "has closed the ssh connection", True),
        ("something new", "something new. Try 'ssh me@box' in a terminal.", False),
        ("", "The ssh connection to me@box has ended.", True),
    ],
)  # fmt: skip
def test_what_ssh_prints_becomes_a_sentence_with_what_to_do(printed, expected, may_pass):
    failure = explain(printed, BOX)
    assert expected.lower() in failure.sentence.lower()
    assert failure.may_pass is may_pass


def test_a_missing_ssh_is_named():
    with pytest.raises(RemoteFailure, match="Install OpenSSH's client"):
        command_line("no-such-ssh -p 2222", BOX, [], "cat")


def test_ssh_never_asks_and_reads_the_host_as_no_option():
    need_sshd()
    words = command_line("ssh -p '22 22'", BOX, ["-L /a b:/c d"], "cat")
    assert words[:3] == ["ssh", "-p", "22 22"]
    assert words[-5:] == ["-L", "/a b:/c d", "--", "me@box", "cat"]
    assert words[words.index("BatchMode=yes") - 1] == "-o"


def test_the_places_are_absolute_or_in_the_home_folder():
    assert all(place.startswith(("/", '"$HOME"', '"$(command -v')) for place in PLACES)
