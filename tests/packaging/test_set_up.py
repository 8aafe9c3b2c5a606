"""`make setup`: a Python that is too old, and a .venv that cannot be used."""

from __future__ import annotations

import ast
import importlib.util
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "make_venv.py"


class WithoutPip:
    """Creates environments with a placeholder for pip, because installing pip takes seconds."""

    def __init__(self, builder: venv.EnvBuilder) -> None:
        self._builder = builder

    def create(self, folder: str) -> None:
        self._builder.create(folder)
        (site,) = Path(folder).glob("lib/python*/site-packages")
        (site / "pip.py").touch()


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script for a source tree of its own. installs: records the extras of each call that would run pip."""
    spec = importlib.util.spec_from_file_location("make_venv", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.TREE, module.VENV = str(tmp_path), str(tmp_path / ".venv")
    module.MARK = str(tmp_path / ".venv" / ".made-by-make")
    module.installs = []
    monkeypatch.setattr(module, "install", module.installs.append)
    builder = venv.EnvBuilder
    monkeypatch.setattr(venv, "EnvBuilder", lambda **_: WithoutPip(builder(symlinks=True)))
    (tmp_path / "pyproject.toml").write_text("1")
    monkeypatch.setattr(sys, "argv", ["make_venv.py", "dev"])
    return module


def test_any_python_3_can_parse_the_script():
    ast.parse(SCRIPT.read_text(), feature_version=(3, 4))


def test_a_python_that_is_too_old_is_refused_and_leaves_nothing(setup, tmp_path):
    setup.NEEDED = (3, 99)
    with pytest.raises(SystemExit, match=r"needs Python 3\.99 or newer; .* is Python 3\.\d+.*make demo PYTHON="):
        setup.main()
    assert not (tmp_path / ".venv").exists()
    setup.NEEDED = (3, 10)
    setup.main()
    assert setup.installs == [["dev"]]


def test_nothing_is_installed_again_unless_pyproject_changes(setup, tmp_path):
    setup.main()
    setup.main()
    assert len(setup.installs) == 1
    (tmp_path / "pyproject.toml").write_text("2")
    setup.main()
    assert len(setup.installs) == 2


def test_a_venv_with_another_python_is_mentioned(setup, capsys):
    setup.main()
    setup.write_mark({**setup.mark(), "python": "3.98"})
    setup.main()
    assert "Using .venv with Python 3.98" in capsys.readouterr().out
    assert len(setup.installs) == 1


def test_more_extras_are_added_to_the_installed_ones(setup, monkeypatch):
    setup.main()
    monkeypatch.setattr(sys, "argv", ["make_venv.py", "dev,plot"])
    setup.main()
    monkeypatch.setattr(sys, "argv", ["make_venv.py", "dev"])
    setup.main()
    assert setup.installs == [["dev"], ["dev", "plot"]]


def test_an_interrupted_installation_is_finished_the_next_time(setup, monkeypatch):
    def fail(_: list[str]) -> None:
        raise SystemExit("no index")

    monkeypatch.setattr(setup, "install", fail)
    with pytest.raises(SystemExit):
        setup.main()
    monkeypatch.setattr(setup, "install", setup.installs.append)
    setup.main()
    assert setup.installs == [["dev"]]


def test_a_venv_whose_python_is_missing_is_recreated(setup, tmp_path, capsys):
    setup.main()
    for python in (tmp_path / ".venv" / "bin").glob("python*"):
        python.unlink()
    setup.main()
    assert len(setup.installs) == 2
    assert "Recreating .venv: its Python does not run" in capsys.readouterr().out


def test_a_venv_of_a_copied_or_moved_tree_is_recreated(setup, capsys):
    setup.main()
    setup.write_mark({**setup.mark(), "tree": "/elsewhere"})
    setup.main()
    assert "it was made for /elsewhere" in capsys.readouterr().out


@pytest.mark.parametrize("what", ["link", "folder", "file"])
def test_files_that_make_did_not_create_are_left_alone_and_named(setup, tmp_path, what):
    path, other = tmp_path / ".venv", tmp_path / "other"
    other.mkdir()
    (other / "precious").write_text("x")
    if what == "link":
        path.symlink_to(other)
    elif what == "folder":
        other.rename(path)
    else:
        path.write_text("x")
    with pytest.raises(SystemExit, match=r"'\.venv' .*(rm \.venv|rm -r \.venv)"):
        setup.main()
    assert setup.installs == []
    assert path.exists()
