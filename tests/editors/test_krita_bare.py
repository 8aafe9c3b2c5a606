"""Tests in Krita without pyzmq, msgpack or a running daemon: the plugin brings and starts what it needs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.editors.editor_root import EditorRoot
from tests.editors.krita_session import KritaSession, open_picture, restyle
from tests.editors.session import PATIENCE, start
from tests.editors.user_home import new_home


@pytest.fixture(scope="module")
def bare(editor_root: EditorRoot) -> Iterator[KritaSession]:
    home = new_home()
    session = KritaSession(editor_root, home, editor_root.folders_of("zmq", "msgpack"))
    try:
        yield start(session)
    finally:
        session.stop()
        shutil.rmtree(home, ignore_errors=True)


def test_without_a_recorded_launcher_the_window_gives_the_command(bare):
    launch = bare.home / "velatura/config/launch.json"
    launch.rename(launch.with_suffix(".away"))
    open_picture(bare)
    bare.execute("set_up()")
    bare.wait_for(
        "controller().session.client is not None and not controller().session._may_estimate",
        PATIENCE,
        "the window to have looked for a daemon",
    )
    assert bare.execute("[message(), panel().estimate.text(), visible('copy_command'), visible('copy_report')]")[
        1:
    ] == ["", False, False]
    bare.execute("click('start')")
    bare.wait_for("not busy() and visible('copy_command')", PATIENCE, "the error")
    assert "velatura daemon start" in bare.execute("message()")
    bare.execute("click('copy_command')")
    assert bare.execute("QApplication.clipboard().text()") == "velatura daemon start"
    launch.with_suffix(".away").rename(launch)


def test_without_pyzmq_and_msgpack_the_plugin_starts_the_daemon_and_restyles(bare):
    with pytest.raises(AssertionError, match="No module named"):
        bare.execute("import zmq.backend")
    assert bare.execute("import msgpack\nmsgpack.Packer.__module__") == "msgpack.fallback"
    assert bare.execute("from velatura.client.transport import transport_name\ntransport_name()") == "PlainDealer"
    open_picture(bare)
    assert restyle(bare) == "Night swirls 50 %"
    assert restyle(bare, strength=70) == "Night swirls 70 %"


def test_a_daemon_that_cannot_start_is_reported_with_what_to_do(bare):
    bare.execute("controller().session.client.shut_down()")
    bare.wait_for("not controller().session.client.ready", PATIENCE, "the daemon to leave")
    launch = bare.home / "velatura/config/launch.json"
    recorded = launch.read_text()
    launch.write_text(recorded.replace("/bin/python", "/bin/no-python"))
    open_picture(bare)
    bare.execute("set_up()\nclick('start')")
    bare.wait_for("not busy() and visible('copy_command')", PATIENCE, "the error")
    assert "could not be started" in bare.execute("message()")
    launch.write_text(recorded)
    assert restyle(bare, strength=60) == "Night swirls 60 %"
