"""What an editor sets for itself never reaches a process that a plugin starts, and nothing else is changed."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.app_dirs import app_dirs
from velatura.client.environment import clean_environment
from velatura.client.launch import launch

ROOT = Path(__file__).parents[2]
IN_EDITORS = ("shared/velatura", "plugin_krita", "plugin_gimp")  # the code that runs inside editors

USERS_OWN = {
    "HOME": "/h",
    "LANG": "fi_FI.UTF-8",
    "HTTPS_PROXY": "http://proxy:3128",
    "no_proxy": "localhost",
    "CUDA_VISIBLE_DEVICES": "1",
    "PIP_INDEX_URL": "https://packages.example/simple",
    "SSL_CERT_FILE": "/etc/ssl/own.pem",
    "VELATURA_HOME": "/v",
    "XDG_RUNTIME_DIR": "/run/user/1000",
    "PYENV_ROOT": "/h/.pyenv",
    "SOMETHING_ORIG": "kept",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "XDG_DATA_DIRS": "/usr/local/share:/usr/share",
}
EDITORS_OWN = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONDONTWRITEBYTECODE",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "DYLD_FRAMEWORK_PATH",
    "__PYVENV_LAUNCHER__",
    "GI_TYPELIB_PATH",
    "GDK_PIXBUF_MODULE_FILE",
    "GTK_PATH",
    "GIO_MODULE_DIR",
    "QT_PLUGIN_PATH",
    "QML2_IMPORT_PATH",
    "FONTCONFIG_FILE",
    "APPDIR",
    "APPIMAGE",
    "SNAP",
    "SNAP_USER_DATA",
    "FLATPAK_ID",
    "BABL_PATH",
    "GEGL_PATH",
    "GIMP2_PLUGINDIR",
    "GIMP3_DATADIR",
)


@pytest.mark.parametrize("name", EDITORS_OWN)
def test_a_variable_of_the_editor_is_dropped(name):
    assert clean_environment({**USERS_OWN, name: "/editor/x"}, platform="linux") == USERS_OWN


@given(st.dictionaries(st.text(min_size=1), st.text()), st.sampled_from(["linux", "darwin", "win32"]))
def test_what_the_editor_did_not_set_is_unchanged(others, platform):
    env = {f"U{name}": value for name, value in others.items()} | USERS_OWN
    editors = {name: "/editor" for name in EDITORS_OWN if name not in ("APPDIR", "APPIMAGE")}
    assert clean_environment({**env, **editors}, platform=platform, executable="") == env


@given(st.dictionaries(st.sampled_from([*USERS_OWN, *EDITORS_OWN, "PATH_ORIG", "QT_PLUGIN_PATH_ORIG"]), st.text()))
def test_nothing_is_invented(env):
    clean = clean_environment(env, platform="linux")
    assert set(clean.values()) <= {part for value in env.values() for part in _sublists(value)}
    assert set(clean) <= {name.removesuffix("_ORIG") for name in env} | set(env)


def _sublists(search_path: str) -> set[str]:
    """The value, and what can remain of it if entries are dropped."""
    remains = {""}
    for index, entry in enumerate(search_path.split(":")):
        remains |= {f"{rest}:{entry}" if index else entry for rest in remains} | {entry}
    return remains | {search_path}


def test_an_appimages_folders_leave_the_search_paths_and_the_saved_values_return():
    mounted = "/tmp/.mount_kritaX"
    env = {
        **USERS_OWN,
        "APPDIR": mounted,
        "APPIMAGE": "/h/krita.AppImage",
        "PATH": f"{mounted}/usr/bin:/usr/bin",
        "PATH_ORIG": "/usr/local/bin:/usr/bin:/bin",
        "XDG_DATA_DIRS": f"{mounted}/usr/share:/usr/local/share:/usr/share",
        "LD_LIBRARY_PATH": f"{mounted}/usr/lib",
        "LD_LIBRARY_PATH_ORIG": "/opt/cuda/lib64",
        "QT_PLUGIN_PATH": f"{mounted}/usr/plugins",
        "QT_PLUGIN_PATH_ORIG": "",
    }
    assert clean_environment(env, platform="linux") == {**USERS_OWN, "LD_LIBRARY_PATH": "/opt/cuda/lib64"}


def test_on_windows_the_editors_folder_leaves_the_path():
    env = {"Path": r"C:\Program Files\GIMP 3\bin;C:\Windows\system32;c:\program files\gimp 3\lib", "PythonHome": "x"}
    clean = clean_environment(env, platform="win32", executable=r"C:\Program Files\GIMP 3\bin\python.exe")
    assert clean == {"Path": r"C:\Windows\system32"}


def test_the_folder_of_the_program_to_be_started_stays_on_the_path():
    """A Python that finds its libraries through PATH, as conda's does, starts its own daemon."""
    env = {"PATH": r"C:\conda;C:\conda\Library\bin;C:\Windows"}
    program = r"C:\conda\Scripts\velatura.exe"
    assert clean_environment(env, program, platform="win32", executable=r"C:\conda\python.exe") == env


def test_on_macos_the_editors_bundle_leaves_the_path():
    env = {"PATH": "/Applications/krita.app/Contents/MacOS:/usr/bin:/Applications/other.app/bin"}
    clean = clean_environment(env, platform="darwin", executable="/Applications/krita.app/Contents/MacOS/krita")
    assert clean == {"PATH": "/usr/bin:/Applications/other.app/bin"}


def test_the_daemon_starts_with_the_clean_environment(home, monkeypatch):
    dirs = app_dirs({"VELATURA_HOME": str(home)})
    for name in EDITORS_OWN:
        if not name.startswith("LD_"):  # of this test's own process too
            monkeypatch.setenv(name, "/editor")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    program = "import os; print('\\n'.join(sorted(os.environ)))"
    assert launch(dirs, [sys.executable, "-c", program]).wait(timeout=60) == 0
    seen = set(dirs.log_file.read_text().split("\n")[1:])
    assert not seen & set(EDITORS_OWN)
    assert {"HTTPS_PROXY", "PATH", "HOME"} & set(os.environ) <= seen


# --- nothing goes around it -------------------------------------------------------------------------
STARTING = {
    *(f"subprocess.{name}" for name in ("Popen", "run", "call", "check_call", "check_output")),
    *(f"os.{name}" for name in ("posix_spawn", "posix_spawnp", "spawnl", "spawnv", "spawnve", "startfile", "fork")),
    *(f"os.{name}" for name in ("execl", "execv", "execve", "execvp", "execvpe")),
    "asyncio.create_subprocess_exec",
    "QProcess",
    "QProcess.startDetached",
    "GLib.spawn_async",
    "GLib.spawn_sync",
    "Gio.Subprocess.new",
}


def unclean_starts(tree: ast.AST) -> Iterator[str]:
    """The calls that start a process with another environment than a clean one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "subprocess":
            yield f"line {node.lineno}: write subprocess.NAME, so that this scan finds it"
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in STARTING:
            continue
        given = next((keyword.value for keyword in node.keywords if keyword.arg == "env"), None)
        if not (isinstance(given, ast.Call) and ast.unparse(given.func) == "clean_environment"):
            yield f"line {node.lineno}: {ast.unparse(node.func)}"


def test_every_process_that_code_in_an_editor_starts_has_a_clean_environment():
    files = [path for folder in IN_EDITORS for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 100
    offences = [f"{path.relative_to(ROOT)}, {each}" for path in files for each in unclean_starts(_tree(path))]
    assert not offences


def _tree(path: Path) -> ast.AST:
    return ast.parse(path.read_bytes())


@pytest.mark.parametrize(
    "code",
    [
        "subprocess.Popen(['x'])",
        "subprocess.run(['x'], env=os.environ)",
        "from subprocess import run",
        "os.execv('x', ['x'])",
        "QProcess(self)",
    ],
)
def test_the_scan_finds_each_way_around(code):
    assert list(unclean_starts(ast.parse(code)))
    assert not list(unclean_starts(ast.parse("subprocess.run(['x'], env=clean_environment(os.environ))")))
