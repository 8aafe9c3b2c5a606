"""Which Python makes the environment, and what is said without a usable one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from velatura.errors import SetUpImpossible
from velatura.setup import find_python as module
from velatura.setup.find_python import Python, Refused, candidates, find_python, no_python, probe


def fake(folder: Path, name: str, version: tuple[int, ...] = (3, 12, 1), problem: str = "", text: str = "") -> Path:
    """A program that answers as the probe in a Python would. text: what it prints instead."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    answer = text or json.dumps({"version": version, "problem": problem, "path": str(path)})
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch):
    """Make these programs the only candidates."""
    return lambda *paths: monkeypatch.setattr(module, "candidates", lambda *_: iter([[str(p)] for p in paths]))


def test_the_newest_version_that_pytorch_supports_is_chosen(tmp_path, only):
    versions = [(3, 10, 1), (3, 14, 0), (3, 12, 9), (3, 15, 0)]
    only(*(fake(tmp_path, f"python{version[1]}", version) for version in versions))
    assert find_python({}, "linux").version == (3, 14, 0)


def test_a_python_newer_than_pytorchs_packages_is_better_than_none(tmp_path, only):
    only(fake(tmp_path, "python3.15", (3, 15, 0)))
    assert find_python({}, "linux").version == (3, 15, 0)


def test_those_that_cannot_be_used_are_passed_over(tmp_path, only):
    broken = fake(tmp_path, "python3.13", text="Python was not found; run without arguments to install from the Store")
    good = fake(tmp_path, "python3.11", (3, 11, 2))
    only(broken, tmp_path / "missing", fake(tmp_path, "python3.12", problem="32-bit"), good)
    assert find_python({}, "linux") == Python(good, (3, 11, 2))


def test_the_environments_own_python_does_not_make_it(tmp_path, only):
    only(fake(tmp_path / "environment/venv/bin", "python3", (3, 14, 0)), fake(tmp_path, "python3.11", (3, 11, 2)))
    assert find_python({}, "linux", apart_from=tmp_path / "environment").version == (3, 11, 2)


def test_without_any_the_message_has_the_reasons_and_what_to_do(tmp_path, only):
    old = fake(tmp_path, "python3.9", (3, 9, 1), problem="old")
    only(old, tmp_path / "missing")
    with pytest.raises(SetUpImpossible) as raised:
        find_python({}, "linux")
    assert f"{old} is Python 3.9.1, which is too old" in raised.value.sentence
    assert "missing" not in raised.value.sentence


@pytest.mark.parametrize(
    ("platform", "part"),
    [("win32", "(64-bit) from python.org"), ("darwin", "brew install python"), ("linux", "sudo dnf install python3")],
)
def test_each_system_has_its_own_advice(tmp_path, platform, part):
    assert part in no_python([], platform, debian=tmp_path / "none")


def test_debians_advice_names_the_package_that_is_missing():
    here = Path(__file__)
    assert "'sudo apt install python3-venv'" in no_python([], "linux", debian=here)
    refused = Refused(Path("/usr/bin/python3"), "it cannot make environments", "python3.11-venv")
    assert "'sudo apt install python3.11-venv'" in no_python([refused], "linux", debian=here)


def test_the_probe_accepts_this_python_and_names_its_program():
    found = probe([sys.executable], os.environ)
    assert isinstance(found, Python)
    assert found.version == sys.version_info[:3]
    assert not (found.path.parents[1] / "pyvenv.cfg").exists()  # the Python that this environment was made with


def test_a_python_without_ensurepip_is_refused_with_debians_package(tmp_path):
    """As Debian's, until its package of venv is installed."""
    program = tmp_path / "python3"
    hidden = "import sys; sys.modules['ensurepip'] = None; exec(sys.argv[1])"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -c "{hidden}" "$3"\n')
    program.chmod(0o755)
    found = probe([str(program)], os.environ)
    assert isinstance(found, Refused)
    assert "lacks venv or ensurepip" in found.reason
    assert found.package == "python{}.{}-venv".format(*sys.version_info)


def test_variables_of_an_editor_do_not_reach_the_probe(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit(1)")
    assert isinstance(probe([sys.executable], {**os.environ, "PYTHONPATH": str(tmp_path)}), Python)


def test_a_python_that_hangs_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PROBE_TIMEOUT", 0.2)
    path = tmp_path / "python3"
    path.write_text("#!/bin/sh\nexec sleep 60\n")
    path.chmod(0o755)
    found = probe([str(path)], os.environ)
    assert isinstance(found, Refused)
    assert "did not answer" in found.reason


@pytest.mark.skipif(not Path("/root/.pyenv/versions/2.7.18/bin/python").exists(), reason="no Python 2 here")
def test_python_2_does_not_run_the_probe():
    assert isinstance(probe(["/root/.pyenv/versions/2.7.18/bin/python"], os.environ), Refused)


def test_pythons_are_looked_for_on_the_path_in_pyenv_and_not_among_its_shims(tmp_path):
    wanted = [
        fake(tmp_path / "bin", "python3.12"),
        fake(tmp_path / "bin", "python3"),
        fake(tmp_path / ".pyenv/versions/3.13.1/bin", "python3"),
    ]
    unwanted = [
        fake(tmp_path / "bin", "python3-config"),
        fake(tmp_path / "bin", "python3.12-gdb.py"),
        fake(tmp_path / ".pyenv/shims", "python3.12"),
    ]
    env = {"HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:{tmp_path / '.pyenv/shims'}:relative"}
    found = [Path(command[0]) for command in candidates(env, "linux")]
    assert set(wanted) <= set(found)
    assert not set(unwanted) & set(found)


def test_apples_own_python_is_never_started(tmp_path, monkeypatch):
    """It would ask whether developer tools are to be installed."""
    monkeypatch.setattr(module, "_own", lambda: iter(()))  # the Python of these tests may be in /usr/bin
    found = [command[0] for command in candidates({"HOME": str(tmp_path), "PATH": "/usr/bin"}, "darwin")]
    assert not [path for path in found if path.startswith("/usr/bin/")]


def test_pythons_of_windows_are_found_through_the_launcher_and_in_their_folders(tmp_path):
    local = tmp_path / "Local"
    installed = fake(local / "Programs/Python/Python312", "python.exe")
    fake(tmp_path / "bin", "py", text=" -V:3.13 *        C:\\Program Files\\Python313\\python.exe")
    env = {"PATH": f"{tmp_path / 'bin'}:{os.defpath}", "LOCALAPPDATA": str(local), "USERPROFILE": str(tmp_path)}
    found = [command[0] for command in candidates(env, "win32")]
    assert found[:2] == ["C:\\Program Files\\Python313\\python.exe", str(installed)]


def test_the_probe_is_understood_by_any_python():
    code = f"import ast; ast.parse({module.PROBE!r}, feature_version=(3, 4))"
    subprocess.run([sys.executable, "-c", code], check=True)
