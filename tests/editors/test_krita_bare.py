"""Krita where neither pyzmq nor msgpack is installed, and no daemon runs: the plugin brings and starts what it needs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.editors.conftest import new_home, start
from tests.editors.krita_session import KritaSession
from tests.editors.place import Place
from tests.editors.test_krita import PATIENCE, open_picture, restyle


@pytest.fixture(scope="module")
def bare(place: Place) -> Iterator[KritaSession]:
    home = new_home()
    session = KritaSession(place, home, place.folders_of("zmq", "msgpack"))
    try:
        yield start(session)
    finally:
        session.stop()
        shutil.rmtree(home, ignore_errors=True)


def test_where_nothing_is_recorded_the_window_gives_the_one_command(bare):
    launch = bare.home / "velatura/config/launch.json"
    launch.rename(launch.with_suffix(".away"))
    open_picture(bare)
    bare.do("set_up()")
    bare.wait_for(
        "controller().session.client is not None and not controller().session._may_estimate",
        PATIENCE,
        "the window to have looked for a daemon",
    )
    assert bare.do("[message(), window().estimate.text(), visible('copy_command'), visible('copy_report')]")[1:] == [
        "",
        False,
        False,
    ]
    bare.do("click('start')")
    bare.wait_for("not busy() and visible('copy_command')", PATIENCE, "the sentence")
    assert "velatura daemon start" in bare.do("message()")
    bare.do("click('copy_command')")
    assert bare.do("QApplication.clipboard().text()") == "velatura daemon start"
    launch.with_suffix(".away").rename(launch)


def test_without_pyzmq_and_msgpack_the_plugin_starts_the_daemon_and_restyles(bare):
    with pytest.raises(AssertionError, match="No module named"):
        bare.do("import zmq.backend")
    assert bare.do("import msgpack\nmsgpack.Packer.__module__") == "msgpack.fallback"
    assert bare.do("from velatura.client.transport import transport_name\ntransport_name()") == "PlainDealer"
    open_picture(bare)
    assert restyle(bare) == "Night swirls 50 %"
    assert restyle(bare, strength=70) == "Night swirls 70 %"


def test_a_daemon_that_cannot_start_is_told_with_what_to_do(bare):
    bare.do("controller().session.client.shut_down()")
    bare.wait_for("not controller().session.client.ready", PATIENCE, "the daemon to leave")
    launch = bare.home / "velatura/config/launch.json"
    said = launch.read_text()
    launch.write_text(said.replace("/bin/python", "/bin/no-python"))
    open_picture(bare)
    bare.do("set_up()\nclick('start')")
    bare.wait_for("not busy() and visible('copy_command')", PATIENCE, "the sentence")
    assert "could not be started" in bare.do("message()")
    launch.write_text(said)
    assert restyle(bare, strength=60) == "Night swirls 60 %"
