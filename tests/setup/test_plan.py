"""What a set-up would install, and from where."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from tests.setup.conftest import Machine
from tests.support.package_index import velatura_wheel
from velatura.errors import SetUpImpossible
from velatura.setup import source
from velatura.setup.plan import INSTALL, make_plan
from velatura.setup.source import AUTO, CPU, CUDA, OWN, PLAIN_CPU, choose_source, find_gpu, has_own_index, without_uv
from velatura.setup.wheel import read_wheel

CLEAN = {"PATH": os.defpath, "PIP_CONFIG_FILE": os.devnull}


@pytest.mark.parametrize(
    ("platform", "gpu", "expected"),
    [
        ("linux", "", CPU),
        ("linux", "nvidia", CUDA),
        ("linux", "amd", AUTO),
        ("win32", "", PLAIN_CPU),
        ("win32", "nvidia", AUTO),
        ("darwin", "", PLAIN_CPU),
    ],
)
def test_each_machine_gets_the_build_that_it_can_use(platform, gpu, expected):
    assert choose_source(False, {}, platform, gpu) == expected


def test_a_users_own_index_is_never_passed_over():
    assert choose_source(True, {}, "linux", "") == OWN
    assert OWN.backend == ""


def test_what_pip_installs_in_place_of_uv_is_known():
    assert without_uv(CPU, "linux") == CUDA
    assert without_uv(AUTO, "win32") == PLAIN_CPU
    assert without_uv(OWN, "linux") is OWN


@pytest.mark.parametrize(
    "variables",
    [
        {"PIP_INDEX_URL": "https://example.org"},
        {"PIP_EXTRA_INDEX_URL": "https://example.org"},
        {"PIP_FIND_LINKS": "/wheels"},
        {"UV_DEFAULT_INDEX": "https://example.org"},
        {"UV_TORCH_BACKEND": "cu130"},
    ],
)
def test_variables_name_an_own_index(variables):
    assert has_own_index(Path(sys.executable), {**CLEAN, **variables})


@pytest.mark.parametrize(
    ("setting", "own"), [("index-url = https://example.org/simple", True), ("timeout = 60", False)]
)
def test_pips_files_name_an_own_index(tmp_path, setting, own):
    (tmp_path / "pip.conf").write_text(f"[global]\n{setting}\n")
    env = {**CLEAN, "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "HOME": str(tmp_path), "XDG_CONFIG_DIRS": "/none"}
    if Path("/etc/pip.conf").exists() and not own:
        pytest.skip("this machine has an index of its own for everybody")
    assert has_own_index(Path(sys.executable), env) == own


def test_a_python_without_pip_has_no_own_index(tmp_path):
    assert not has_own_index(tmp_path / "missing", CLEAN)


def test_gpus_are_found_by_what_their_drivers_put_there(tmp_path):
    assert find_gpu({"PATH": ""}, nvidia=[tmp_path / "none"], amd=tmp_path / "none") == ""
    (tmp_path / "kfd").touch()
    assert find_gpu({"PATH": ""}, nvidia=[], amd=tmp_path / "kfd") == "amd"
    assert find_gpu({"PATH": ""}, nvidia=[tmp_path / "kfd"], amd=tmp_path / "kfd") == "nvidia"
    program = tmp_path / "nvidia-smi"
    program.touch(0o755)
    assert find_gpu({"PATH": str(tmp_path)}, nvidia=[], amd=tmp_path / "none") == "nvidia"


def test_the_plan_names_python_wheel_and_source_and_changes_nothing(machine: Machine):
    made = make_plan(machine.dirs, wheel=machine.wheel(), env=machine.env)
    assert made.action == INSTALL
    assert made.wheel.version == "0.1.0"
    assert made.source == source.OWN  # the test's index
    assert made.python.version >= (3, 10)
    assert made.space > 10**9
    assert not machine.dirs.data.exists()


def test_in_a_sandbox_the_sentence_has_the_command_for_a_terminal(machine: Machine):
    env = {**machine.env, "FLATPAK_ID": "org.kde.krita"}
    with pytest.raises(SetUpImpossible, match=r"Run this in a terminal.*&& python3 -m velatura\.setup"):
        make_plan(machine.dirs, wheel=machine.wheel(), env=env)


@pytest.mark.parametrize("damage", ["cut", "empty", "missing", "changed"])
def test_a_damaged_wheel_is_a_sentence(tmp_path, damage):
    path = velatura_wheel(tmp_path)
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(
            {"cut": data[:-30], "empty": b"", "changed": data.replace(b"tiny-build", b"TINY-build")}[damage]
        )
    with pytest.raises(SetUpImpossible, match="Install the plugin again, from a new download"):
        read_wheel(path)


def test_a_wheel_with_a_damaged_stream_is_a_sentence(tmp_path):
    """The directory of the file is whole, so only decompressing it shows the damage."""
    path = velatura_wheel(tmp_path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    first = min(files, key=len)
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(first).header_offset + 30 + len(first)
    damaged = bytearray(path.read_bytes())
    damaged[start] = 0xFF  # a kind of block that deflate does not have
    path.write_bytes(damaged)
    with pytest.raises(SetUpImpossible, match="Install the plugin again, from a new download"):
        read_wheel(path)


def test_the_dependencies_are_those_without_extras_and_those_for_animations(tmp_path):
    needs = (
        "torch>=2.11",
        "numpy>=1.26; python_version >= '3.10'",
        'ray>=2.50; extra == "farm"',
        "av>=12; extra == 'film'",
        "cv>=4; python_version < '3.15' and extra == 'film'",
    )
    assert read_wheel(velatura_wheel(tmp_path, needs=needs)).needs == (
        *needs[:2],
        "av>=12",
        "cv>=4; python_version < '3.15'",
    )
