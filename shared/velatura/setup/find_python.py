"""Finds the Python that the daemon's environment is made with, and says why others cannot be used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velatura.client.environment import clean_environment
from velatura.errors import SetUpImpossible
from velatura.i18n import lazy_text, sentences

OLDEST, NEWEST = (3, 10), (3, 14)  # `requires-python`, and the newest for which PyTorch has wheels
PROBE_TIMEOUT = 20.0  # seconds; the first start of a Python on a slow disk takes a few
CREATE_NO_WINDOW = 0x08000000  # of Windows' CreateProcess
MAX_REASONS = 4  # of refused Pythons in a message

# Runs in any Python from 2.7 on. MSYS2's own Pythons cannot load the wheels of PyPI; PyTorch has none for Intel Macs.
TOO_OLD, IS_32_BIT, OF_MSYS2, FOR_INTEL, NO_VENV = "old", "32-bit", "msys2", "intel", "venv"  # what it prints
PROBE = f"""
import json, platform, sys, sysconfig
problem = ""
if sys.version_info[:2] < {OLDEST}:
    problem = "{TOO_OLD}"
elif sys.maxsize < 2 ** 32:
    problem = "{IS_32_BIT}"
elif sysconfig.get_platform().startswith(("mingw", "msys", "cygwin")):
    problem = "{OF_MSYS2}"
elif sys.platform == "darwin" and platform.machine() == "x86_64":
    problem = "{FOR_INTEL}"
else:
    try:
        import ensurepip, venv
        ensurepip.version()
    except Exception:
        problem = "{NO_VENV}"
print(json.dumps({{"version": list(sys.version_info[:3]), "problem": problem,
                  "path": getattr(sys, "_base_executable", None) or sys.executable}}))
"""  # not translated: a program


# By what the probe prints.
PROBLEMS = {
    TOO_OLD: lazy_text("{path} is Python {version}, which is too old"),
    IS_32_BIT: lazy_text("{path} is Python {version}, which is a 32-bit program"),
    OF_MSYS2: lazy_text("{path} is Python {version}, which belongs to MSYS2"),
    FOR_INTEL: lazy_text("{path} is Python {version} for Intel Macs, for which PyTorch has no packages"),
    NO_VENV: lazy_text("{path} is Python {version}, which cannot create environments (it lacks venv or ensurepip)"),
}


@dataclass(frozen=True)
class Python:
    """A Python that can make the environment. path: its program. version: such as (3, 12, 1)."""

    path: Path
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"Python {'.'.join(map(str, self.version))} ({self.path})"


@dataclass(frozen=True)
class Refused:
    """A Python that cannot be used. reason: begins with its path, without a full stop; '' if it does not even run.
    package: Debian's, which would make it usable."""

    path: Path
    reason: str
    package: str = ""


def find_python(
    env: Mapping[str, str] | None = None, platform: str = sys.platform, apart_from: Path | None = None
) -> Python:
    """Return the best Python of this machine: the newest that PyTorch supports.

    apart_from: a folder whose Pythons do not count, such as the environment itself. Raises SetUpImpossible, which says
    what to install.
    """
    env = os.environ if env is None else env
    usable: list[Python] = []
    refused: list[Refused] = []
    for command in _once(candidates(env, platform), apart_from):
        found = probe(command, env)
        if isinstance(found, Refused):
            refused.append(found)
        elif found.path not in [other.path for other in usable]:
            usable.append(found)
    if not usable:
        raise SetUpImpossible(no_python(refused, platform))
    return max(usable, key=lambda python: (python.version[:2] <= NEWEST, python.version))


def candidates(env: Mapping[str, str], platform: str) -> Iterator[list[str]]:
    """Yield commands that may be Pythons."""
    home = Path(env.get("HOME") or env.get("USERPROFILE") or Path.home())
    if platform == "win32":
        yield from _of_windows(env)
    elif platform == "darwin":
        yield from _named(Path("/Library/Frameworks/Python.framework/Versions"), "3.*/bin/python3.*")
        for homebrew in (Path("/opt/homebrew"), Path("/usr/local")):
            yield from _named(homebrew, "bin/python3.*")
            yield from _named(homebrew, "opt/python@3.*/bin/python3.*")
    else:
        for folder in (Path("/usr/bin"), Path("/usr/local/bin"), Path("/home/linuxbrew/.linuxbrew/bin")):
            yield from _named(folder, "python3*")
    for folder in _path_folders(env):
        # Apple's own is a program that asks whether developer tools are to be installed.
        if not (platform == "darwin" and folder == Path("/usr/bin")):
            yield from _named(folder, "python.exe" if platform == "win32" else "python3*")
    pyenv = Path(env.get("PYENV_ROOT") or home / ".pyenv")
    yield from _named(pyenv / "versions", "3.*/bin/python3")
    yield from _named(pyenv / "pyenv-win" / "versions", "3.*/python.exe")
    yield from _own()


def probe(command: Sequence[str], env: Mapping[str, str]) -> Python | Refused:
    """Run a Python, by itself: no variables, no site packages of the user, no code of the current folder."""
    path = Path(command[0])
    try:
        done = subprocess.run(
            [*command, "-I", "-c", PROBE],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=clean_environment(env, command[0]),
            timeout=PROBE_TIMEOUT,
            check=False,
            **no_console(),
        )
        answer: dict[str, Any] = json.loads(done.stdout.decode(errors="replace").strip().splitlines()[-1])
        version = tuple(int(number) for number in answer["version"])
        problem, path = str(answer["problem"]), Path(str(answer["path"]) or path)
        reason = PROBLEMS[problem] if problem else None
    except subprocess.TimeoutExpired:
        late = lazy_text("{path} did not answer within {seconds:.0f} seconds", path=path, seconds=PROBE_TIMEOUT)
        return Refused(path, late)
    except (OSError, ValueError, KeyError, TypeError, IndexError):  # also Python 2, which has no -I
        return Refused(path, "")
    if reason is not None:
        package = "python{}.{}-venv".format(*version) if problem == NO_VENV else ""
        return Refused(path, reason.format(path=path, version=".".join(map(str, version))), package)
    return Python(path, version)


def no_python(refused: Sequence[Refused], platform: str, debian: Path = Path("/etc/debian_version")) -> str:
    """Return the message for a machine without a usable Python: what was found, and what to install."""
    oldest = ".".join(map(str, OLDEST))
    found = [each.reason for each in refused if each.reason][:MAX_REASONS]
    if found:
        reasons = found[0]
        for reason in found[1:]:
            # Translators: two reasons, one after the other. Change only what is between them.
            reasons = lazy_text("{first}; {second}", first=reasons, second=reason)
        what = lazy_text(
            "Velatura needs Python {oldest} or newer with venv, but found none ({reasons}).",
            oldest=oldest,
            reasons=reasons,
        )
    else:
        what = lazy_text("Velatura needs Python {oldest} or newer with venv, but found none.", oldest=oldest)
    return sentences(what, _advice(refused, platform, debian))


def _advice(refused: Sequence[Refused], platform: str, debian: Path) -> str:
    if platform == "win32":
        return lazy_text(
            "Install Python {newest} (64-bit) from python.org or the Microsoft Store, then try again.",
            newest=".".join(map(str, NEWEST)),
        )
    if platform == "darwin":
        return lazy_text("Install Python from python.org, or run 'brew install python' in a terminal, then try again.")
    if debian.exists():
        package = next((each.package for each in refused if each.package), "python3-venv")
        return lazy_text("Run 'sudo apt install {package}' in a terminal, then try again.", package=package)
    return lazy_text(
        "Install Python with your system's package manager (Fedora: 'sudo dnf install python3'), then try again."
    )


def no_console() -> dict[str, Any]:
    """Options of subprocess that keep Windows from opening a console window."""
    return {"creationflags": CREATE_NO_WINDOW} if sys.platform == "win32" else {}


def _named(folder: Path, pattern: str) -> Iterator[list[str]]:
    """Yield the programs called python, python3 or python3.12 (not python3-config) that match the pattern."""
    try:
        for path in sorted(folder.glob(pattern), reverse=True):
            if re.fullmatch(r"python(3(\.\d+)?)?(\.exe)?", path.name) and os.access(path, os.X_OK) and path.is_file():
                yield [str(path)]
    except OSError:  # a folder that cannot be read
        return


def _path_folders(env: Mapping[str, str]) -> list[Path]:
    """The folders of PATH, without pyenv's shims: they run what is chosen for a folder, or nothing."""
    folders = [Path(part) for part in env.get("PATH", "").split(os.pathsep) if part]
    return [folder for folder in folders if folder.is_absolute() and folder.name != "shims"]


def _of_windows(env: Mapping[str, str]) -> Iterator[list[str]]:
    """What the launcher lists, and where python.org's installer puts Pythons."""
    launcher = shutil.which("py", path=env.get("PATH"))
    if launcher:
        try:
            listed = subprocess.run(
                [launcher, "-0p"],
                capture_output=True,
                env=clean_environment(env, launcher),
                timeout=PROBE_TIMEOUT,
                check=False,
                **no_console(),
            )
            for found in re.finditer(r"[A-Za-z]:\\[^\r\n]*?python\.exe", listed.stdout.decode(errors="replace")):
                yield [found[0]]
        except (OSError, subprocess.SubprocessError):
            pass
    for variable, below in (("LOCALAPPDATA", "Programs/Python"), ("PROGRAMFILES", ".")):
        if env.get(variable):
            yield from _named(Path(env[variable]) / below, "Python3*/python.exe")


def _own() -> Iterator[list[str]]:
    """The Python that runs this. In an editor `sys.executable` may be the editor itself, which must not be started."""
    if os.name == "posix":
        yield from _named(Path(sys.base_prefix) / "bin", "python3*")
    else:
        yield from _named(Path(sys.base_prefix), "python.exe")
    if sys.executable:
        path = Path(sys.executable)
        yield from _named(path.parent, path.name)


def _once(commands: Iterator[list[str]], apart_from: Path | None) -> Iterator[list[str]]:
    """Leave out programs that have had another name already, and those below a folder."""
    seen: set[str] = set()
    for command in commands:
        key = os.path.realpath(command[0])
        if key not in seen and not (apart_from is not None and apart_from in Path(command[0]).parents):
            seen.add(key)
            yield command
