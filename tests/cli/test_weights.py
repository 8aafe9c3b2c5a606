"""`velatura weights list`, while files come and go."""

from __future__ import annotations

from click.testing import CliRunner

from velatura.app_dirs import app_dirs
from velatura_daemon.cli.weights import weights


def test_weights_that_disappear_while_they_are_listed_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))
    folder = app_dirs().weights
    folder.mkdir(parents=True)
    (folder / "user-0123456789ab.safetensors").symlink_to(tmp_path / "gone")
    (folder / "user-mine.safetensors").touch()  # no name that Velatura gives
    listed = CliRunner().invoke(weights, ["list"])
    assert listed.exit_code == 0, listed.exception
    assert "* vgg19" in listed.output
    assert "user-" not in listed.output
