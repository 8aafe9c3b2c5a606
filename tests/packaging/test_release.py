"""`make release`: the same bytes each time, zips that carry the wheel, and what the editors expect in them."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura import __version__
from velatura.setup.wheel import carried_wheel, read_wheel
from velatura_daemon.plugins import bundle
from velatura_daemon.plugins.archive import write_archive

TREE = Path(__file__).parents[2]
WHEEL = f"velatura-{__version__}-py3-none-any.whl"
ZIPS = {"krita": f"velatura-krita-{__version__}.zip", "gimp": f"velatura-gimp-{__version__}.zip"}


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", TREE / ".ci" / "release.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Two folders with a release each, made with different umasks, at different times."""
    release, patch = load(), pytest.MonkeyPatch()
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    patch.setattr(bundle, "SAMPLE_SIDE", 64)
    patch.setenv("VELATURA_HOME", str(tmp_path_factory.mktemp("home")))
    release.build(first)
    before = os.umask(0o077)
    try:
        release.build(second)
    finally:
        os.umask(before)
        patch.undo()
    yield first, second


def names_in(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_a_release_has_wheel_sdist_two_zips_and_checksums(releases):
    names = sorted(path.name for path in releases[0].iterdir())
    assert names == sorted(["SHA256SUMS", WHEEL, f"velatura-{__version__}.tar.gz", *ZIPS.values()])


def test_two_releases_of_a_commit_have_the_same_bytes(releases):
    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in releases)
    assert [name for name in first if first[name] != second[name]] == []


def test_the_checksums_are_those_of_all_other_files(releases):
    lines = (releases[0] / "SHA256SUMS").read_text().splitlines()
    files = sorted(path for path in releases[0].iterdir() if path.name != "SHA256SUMS")
    assert lines == [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in files]


@pytest.mark.parametrize("editor", ZIPS)
def test_the_wheel_in_each_zip_is_the_one_beside_it_and_under_3_mb(releases, editor):
    with zipfile.ZipFile(releases[0] / ZIPS[editor]) as archive:
        carried = archive.read(f"velatura_{editor}/carried/wheel/{WHEEL}")
    assert carried == (releases[0] / WHEEL).read_bytes()
    assert len(carried) < 3_000_000


def test_kritas_zip_has_the_entries_that_its_importer_reads(releases):
    names = names_in(releases[0] / ZIPS["krita"])
    expected = {"velatura_krita.desktop", "velatura_krita/", "velatura_krita/Manual.html", "velatura_krita/__init__.py"}
    assert {*expected, "actions/velatura_krita.action", "velatura_krita/carried/samples/mosaic.png"} <= set(names)
    assert {name.partition("/")[0] for name in names} == {"velatura_krita.desktop", "velatura_krita", "actions"}


def test_gimps_zip_unpacks_to_one_folder_with_an_executable_script(releases, tmp_path):
    path = releases[0] / ZIPS["gimp"]
    assert {name.partition("/")[0] for name in names_in(path)} == {"velatura_gimp"}
    subprocess.run([sys.executable, "-c", UNPACK, path, tmp_path], check=True)
    programs = [file.name for file in tmp_path.rglob("*") if file.is_file() and os.access(file, os.X_OK)]
    assert "velatura_gimp.py" in programs


UNPACK = """
import sys, zipfile, pathlib
with zipfile.ZipFile(sys.argv[1]) as archive:  # as unzip and file managers do: with the permissions in the archive
    for entry in archive.infolist():
        path = pathlib.Path(archive.extract(entry, sys.argv[2]))
        path.chmod(entry.external_attr >> 16 & 0o777)
"""


@pytest.mark.parametrize("editor", ZIPS)
def test_the_shared_code_in_a_zip_finds_its_wheel_and_runs_without_packages(releases, tmp_path, editor):
    with zipfile.ZipFile(releases[0] / ZIPS[editor]) as archive:
        archive.extractall(tmp_path)
    lib = tmp_path / f"velatura_{editor}" / "carried" / "lib"
    wheel = carried_wheel(lib / "velatura")
    assert wheel is not None and read_wheel(wheel).version == __version__
    assert any(need.startswith("torch>=") for need in read_wheel(wheel).needs)
    code = f"import sys; sys.path.insert(0, {str(lib)!r}); import velatura.setup.wheel as w; print(w.carried_wheel())"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == str(wheel), done.stderr


def test_nothing_that_python_or_an_editor_left_behind_is_in_a_zip(releases):
    for name in ZIPS.values():
        assert not [entry for entry in names_in(releases[0] / name) if "__pycache__" in entry or entry.endswith("~")]


@given(
    st.dictionaries(
        st.from_regex(r"[a-c]{1,2}(/[a-c]{1,2}){0,2}\.x", fullmatch=True),
        st.tuples(st.binary(max_size=9), st.booleans()),
    ),
    st.integers(-(10**9), 4 * 10**9),
)
def test_an_archive_gives_back_every_file_and_does_not_depend_on_dates(tmp_path_factory, files, timestamp):
    made = []
    for age in (0, 10**9):
        root = tmp_path_factory.mktemp("tree")
        for name, (data, program) in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(0o755 if program else 0o640)
            os.utime(path, (age, age))
        file = io.BytesIO()
        write_archive(root, file, timestamp)
        made.append(file.getvalue())
    assert made[0] == made[1]
    with zipfile.ZipFile(io.BytesIO(made[0])) as archive:
        found = {
            e.filename: (archive.read(e), bool(e.external_attr >> 16 & 0o100))
            for e in archive.infolist()
            if not e.is_dir()
        }
    assert found == files
