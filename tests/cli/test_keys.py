"""`pastiche keys`, and the commands that take them."""

from __future__ import annotations

import stat

import pytest

from pastiche.launch import recorded
from pastiche_daemon.keys import Keys
from tests.daemon.far import free_port


def public_of(run, name):
    said = run("keys", "list").stdout
    return next(line.split()[4] for line in said.splitlines() if line.startswith(f"This machine's own: {name} "))


def test_a_key_is_made_allowed_listed_and_revoked(run):
    made = run("keys", "new", "laptop")
    public = public_of(run, "laptop")
    assert f"pastiche keys allow {public} --name laptop" in made.stdout
    assert run("keys", "allow", public, "--name", "laptop", "--jobs", "2", "--max-megapixels", "16").returncode == 0
    assert f"laptop  {public}  up to 16 megapixels, 2 restyle(s) at a time" in run("keys", "list").stdout
    assert "is out" in run("keys", "revoke", "laptop").stdout
    assert "No other machine may come in" in run("keys", "list").stdout


def test_secrets_are_this_users_and_are_never_printed(run, warm):
    said = run("keys", "new", "quiet").stdout + run("keys", "server").stdout + run("keys", "list").stdout
    keys = Keys(warm.places)
    files = [path for path in keys.folder.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    secrets = [keys.server().secret.hex(), keys.own_for(str(keys.own()["quiet"])).secret.hex()]
    assert not [secret for secret in secrets if secret in said]


def test_the_servers_key_stays_the_same(run):
    assert run("keys", "server").stdout == run("keys", "server").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("keys", "allow", "zz", "--name", "x"), "64 hexadecimal digits"),
        (("keys", "allow", "11" * 32, "--name", "../x"), "letters, digits"),
        (("keys", "revoke", "nobody"), "pastiche keys list"),
        (("daemon", "run", "--upstream", "tcp://box:1"), "needs --server-key"),
        (("daemon", "run", "--upstream", "box", "--server-key", "11" * 32), "tcp://HOST:PORT"),
        (("daemon", "run", "--listen", "tcp://*:0"), "pastiche keys new NAME"),
        (("daemon", "run", "--listen", "tcp://nobody.invalid:1"), "pastiche keys new NAME"),
    ],
)
def test_what_makes_no_sense_is_told_what_to_do(run, words, sentence):
    done = run(*words)
    assert (done.returncode, sentence in done.stderr) == (2, True), done.stderr


def test_the_same_key_is_not_allowed_twice(run):
    run("keys", "new", "twin")
    public = public_of(run, "twin")
    run("keys", "allow", public, "--name", "one")
    assert "allowed already, by the name one" in run("keys", "allow", public, "--name", "two").stderr
    run("keys", "revoke", "one")


def test_start_records_the_upstream_and_status_and_doctor_say_it(run, warm):
    run("keys", "new", "studio")
    there = f"tcp://127.0.0.1:{free_port()}"
    file = Keys(warm.places).own()["studio"]
    started = run("daemon", "start", "--upstream", there, "--server-key", "11" * 32, "--client-key", file)
    try:
        assert started.returncode == 0, started.stderr
        assert there in recorded(warm.places).command
        assert f"done by the daemon at {there}" in run("daemon", "status").stdout
        assert f"the work is done by the daemon at {there}" in run("doctor").stdout
        run("daemon", "stop")
        run("restyle", "--help")
        assert there in recorded(warm.places).command
    finally:
        run("daemon", "stop")
