"""Create or repair the virtual environment in .venv; `make setup` runs this. It does nothing if .venv is up to date.

The syntax is that of any Python 3, so that a Python that is too old can print which version is needed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

NEEDED = (3, 10)  # the same as requires-python in pyproject.toml
DISK_SPACE = 9 << 30  # bytes that the packages need while they are installed: PyTorch's CUDA build alone is 5.6 GB
TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(TREE, ".venv")
MARK = os.path.join(VENV, ".made-by-make")  # records the source tree and, at the end, what was installed
LOG = os.path.join(VENV, "pip.log")


def show(line):
    print(line)
    sys.stdout.flush()  # a file or a pipe would otherwise show it only at the end


def main():
    extras = sorted(sys.argv[1].split(",") if len(sys.argv) > 1 else ["dev"])
    if os.path.islink(VENV):
        stop("'.venv' is a symbolic link to %s. Remove the link: rm .venv" % os.readlink(VENV))
    if os.path.isdir(VENV):
        problem = find_problem()
        before = mark()
        if not problem:
            here = "%d.%d" % sys.version_info[:2]
            if before.get("python", here) != here:
                show(
                    "Using .venv with Python %s. To use Python %s instead, run: rm -r .venv" % (before["python"], here)
                )
            if before.get("pyproject") == pyproject_hash() and set(extras) <= set(before["extras"]):
                return
            extras = sorted(set(extras) | set(before.get("extras", [])))
        elif not os.path.exists(MARK) and os.listdir(VENV):
            stop("'.venv' was not created by 'make' (%s). Move it away, or remove it: rm -r .venv" % problem)
        else:
            check_python()
            show("Recreating .venv: %s." % problem)
            shutil.rmtree(VENV)
    elif os.path.exists(VENV):
        stop("'.venv' is a file, but must be a folder. Remove it: rm .venv")
    if not os.path.isdir(VENV):
        check_python()
        make()
    install(extras)
    write_mark(dict(mark(), extras=extras, pyproject=pyproject_hash()))


def stop(sentence):
    sys.exit("make: " + sentence)


def check_python():
    here = "%d.%d.%d" % sys.version_info[:3]
    if sys.version_info < NEEDED:
        stop(
            "Velatura needs Python %d.%d or newer; %s is Python %s. Install a newer one and select it, for example: "
            "make demo PYTHON=python3.12" % (NEEDED + (sys.executable, here))
        )
    try:
        import ensurepip
        import venv

        assert ensurepip and venv
    except ImportError:
        stop("this Python has no 'venv' module. On Debian and Ubuntu, run: apt install python3-venv")


def pyproject_hash():
    with open(os.path.join(TREE, "pyproject.toml"), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def mark():
    try:
        with open(MARK) as file:
            return json.load(file)
    except (IOError, ValueError):
        return {}


def write_mark(content):
    with open(MARK, "w") as file:
        json.dump(content, file)


def python():
    return os.path.join(VENV, "Scripts", "python.exe") if os.name == "nt" else os.path.join(VENV, "bin", "python")


def find_problem():
    """Return why this .venv cannot be used, or ''."""
    if not os.path.exists(MARK):
        return "it lacks the file %s" % os.path.basename(MARK)
    if mark().get("tree") != TREE:
        return "it was made for %s" % mark().get("tree", "another folder")
    try:
        output = subprocess.check_output(
            [python(), "-c", "import sys, pip; print(sys.version_info[:2] >= %r)" % (NEEDED,)], stderr=subprocess.STDOUT
        )
    except (OSError, subprocess.CalledProcessError):
        return "its Python does not run, perhaps because the system's Python was updated or removed"
    return "" if output.strip() == b"True" else "its Python is too old"


def make():
    import venv

    try:
        os.mkdir(VENV)
    except OSError:
        stop("another 'make' has just created '.venv'. Wait until it is done, then try again")
    write_mark({"tree": TREE, "python": "%d.%d" % sys.version_info[:2]})
    venv.EnvBuilder(with_pip=True, symlinks=os.name != "nt").create(VENV)


def install(extras):
    """Install the packages; pip's output goes to a file, and a line shows the progress."""
    free = shutil.disk_usage(TREE).free
    if free < DISK_SPACE:
        show("Only %.1f GB of disk space are free here; about %.0f GB are needed." % (free / 1e9, DISK_SPACE / 1e9))
    show(
        "Installing PyTorch and the other packages into .venv (up to 6 GB; some minutes, mostly for downloading). "
        "Details: .venv/pip.log"
    )
    command = [
        python(),
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
        "-e",
        ".[%s]" % ",".join(extras),
    ]
    began = time.time()
    with open(LOG, "wb") as log:
        process = subprocess.Popen(command, cwd=TREE, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        code = wait_for(process, began)
    if code:
        with open(LOG, "rb") as log:
            lines = log.read().decode("utf-8", "replace").splitlines()
        print("\n".join(lines[-15:]))
        stop(
            "the packages could not be installed (see above, and .venv/pip.log). Check that the package index is "
            "reachable and that there is space on the disk."
        )
    show("Installed %.1f GB in %.0f s." % (size_of(VENV) / 1e9, time.time() - began))


def wait_for(process, began):
    """Wait with a progress line that is updated on a terminal, or printed every half minute otherwise."""
    live = sys.stdout.isatty()
    shown_at = began
    while True:
        try:
            code = process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            now = time.time()
            if live or now - shown_at >= 30:
                shown_at = now
                line = "%.1f GB installed, %.0f s" % (size_of(VENV) / 1e9, now - began)
                sys.stdout.write("\r%s " % line if live else line + "\n")
                sys.stdout.flush()
        else:
            sys.stdout.write("\r" + " " * 40 + "\r" if live else "")
            return code


def size_of(folder):
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_size
            except OSError:  # it was deleted meanwhile
                pass
    return total


if __name__ == "__main__":
    main()
