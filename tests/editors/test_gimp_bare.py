"""Tests in GIMP without pyzmq, msgpack or a running daemon, and with an incomplete plug-in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.editors.editor_root import EditorRoot
from tests.editors.gimp_session import GimpConsole
from tests.editors.session import start
from tests.editors.user_home import new_home

PLUGIN = ".config/GIMP/3.0/plug-ins/velatura_gimp"


@pytest.fixture(scope="module")
def bare(editor_root: EditorRoot) -> Iterator[GimpConsole]:
    home = new_home()
    session = GimpConsole(editor_root, home, editor_root.folders_of("zmq", "msgpack"))
    try:
        yield start(session)
    finally:
        session.stop()
        shutil.rmtree(home, ignore_errors=True)


def restyle(bare: GimpConsole) -> list:
    style = bare.home / PLUGIN / "carried/samples/mosaic.png"
    bare.execute(f"d = only({str(bare.home / 'small.png')!r})")
    return bare.execute(f"restyle(d, style={str(style)!r}, quality='draft', iterations=6)")


def test_without_a_recorded_launcher_the_error_gives_the_command(bare):
    launch = bare.home / "velatura/config/launch.json"
    launch.rename(launch.with_suffix(".away"))
    status, sentence, _ = restyle(bare)
    assert status == "execution-error"
    assert "velatura daemon start" in sentence
    launch.with_suffix(".away").rename(launch)


def test_a_daemon_that_cannot_start_is_reported_with_what_to_do(bare):
    launch = bare.home / "velatura/config/launch.json"
    recorded = launch.read_text()
    launch.write_text(recorded.replace("/bin/python", "/bin/no-python"))
    status, sentence, _ = restyle(bare)
    assert status == "execution-error"
    assert "could not be started" in sentence
    launch.write_text(recorded)


def test_without_pyzmq_and_msgpack_the_plugin_starts_the_daemon_and_restyles(bare):
    with pytest.raises(AssertionError, match="No module named"):
        bare.execute("import zmq.backend")
    carried = bare.home / PLUGIN / "carried"
    bare.execute(f"import sys\nsys.path[:0] = [{str(carried / 'lib')!r}, {str(carried / 'fallback')!r}]")
    assert bare.execute("from velatura.client.transport import transport_name\ntransport_name()") == "PlainDealer"
    assert restyle(bare) == ["success", "", "Mosaic 50 %"]


@pytest.mark.parametrize("known", [True, False], ids=["known to GIMP from before", "seen for the first time"])
def test_a_plugin_that_cannot_be_imported_still_has_its_commands_and_reports_the_error(bare, known):
    lib = bare.home / PLUGIN / "carried/lib"
    lib.rename(lib.with_name("away"))
    try:
        if not known:
            bare.stop()
            (bare.home / ".config/GIMP/3.0/pluginrc").unlink()
            bare.start()
        bare.execute(f"d = only({str(bare.home / 'small.png')!r})")
        status, sentence, _ = bare.execute("restyle(d)")
        assert status == "execution-error"
        assert "Run 'velatura install gimp'" in sentence
        assert "No module named 'velatura'" in sentence
        assert bare.execute("layers()") == ["Background"]
    finally:
        lib.with_name("away").rename(lib)
