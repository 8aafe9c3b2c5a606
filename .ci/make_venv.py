"""Make or repair the virtual environment in .venv: `make setup` runs this. It does nothing if all is well.

Written for any Python 3, so that one that is too old can say which version is needed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

NEEDED = (3, 10)  # as pyproject.toml's requires-python
ROOM = 9 << 30  # bytes that the packages take while they are installed: PyTorch's CUDA build alone is 5.6 GB
TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(TREE, ".venv")
MARK = os.path.join(VENV, ".made-by-make")  # of which tree it is and, in the end, what was installed
LOG = os.path.join(VENV, "pip.log")


def say(line):
    print(line)
    sys.stdout.flush()  # also into a file or a pipe, where it would come at the end


def main():
    extras = sorted(sys.argv[1].split(",") if len(sys.argv) > 1 else ["dev"])
    if os.path.islink(VENV):
        stop("'.venv' is a symbolic link to %s. Remove the link: rm .venv" % os.readlink(VENV))
    if os.path.isdir(VENV):
        trouble = what_is_wrong()
        before = mark()
        if not trouble:
            here = "%d.%d" % sys.version_info[:2]
            if before.get("python", here) != here:
                say("Using .venv with Python %s. For this one, %s: rm -r .venv" % (before["python"], here))
            if before.get("pyproject") == pyproject_hash() and set(extras) <= set(before["extras"]):
                return
            extras = sorted(set(extras) | set(before.get("extras", [])))
        elif not os.path.exists(MARK) and os.listdir(VENV):
            stop("'.venv' was not made by 'make' (%s). Move it away, or remove it: rm -r .venv" % trouble)
        else:
            check_python()
            say("Making .venv anew: %s." % trouble)
            shutil.rmtree(VENV)
    elif os.path.exists(VENV):
        stop("'.venv' is a file, and a folder of that name is needed. Remove it: rm .venv")
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
            "Velatura needs Python %d.%d or newer; %s is Python %s. Install a newer one and name it, for example: make "
            "demo PYTHON=python3.12" % (NEEDED + (sys.executable, here))
        )
    try:
        import ensurepip
        import venv

        assert ensurepip and venv
    except ImportError:
        stop("this Python has no 'venv' module. On Debian and Ubuntu: apt install python3-venv")


def pyproject_hash():
    with open(os.path.join(TREE, "pyproject.toml"), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def mark():
    try:
        with open(MARK) as file:
            return json.load(file)
    except (IOError, ValueError):
        return {}


def write_mark(said):
    with open(MARK, "w") as file:
        json.dump(said, file)


def python():
    return os.path.join(VENV, "Scripts", "python.exe") if os.name == "nt" else os.path.join(VENV, "bin", "python")


def what_is_wrong():
    """Why this .venv cannot be used, or ''."""
    if not os.path.exists(MARK):
        return "it lacks the file %s" % os.path.basename(MARK)
    if mark().get("tree") != TREE:
        return "it was made for %s" % mark().get("tree", "another folder")
    try:
        said = subprocess.check_output(
            [python(), "-c", "import sys, pip; print(sys.version_info[:2] >= %r)" % (NEEDED,)], stderr=subprocess.STDOUT
        )
    except (OSError, subprocess.CalledProcessError):
        return "its Python does not run, perhaps since the system's was updated or removed"
    return "" if said.strip() == b"True" else "its Python is too old"


def make():
    import venv

    try:
        os.mkdir(VENV)
    except OSError:
        stop("'.venv' has just been made by another 'make'. Wait until that one is done, then try again")
    write_mark({"tree": TREE, "python": "%d.%d" % sys.version_info[:2]})
    venv.EnvBuilder(with_pip=True, symlinks=os.name != "nt").create(VENV)


def install(extras):
    """With pip's own words in a file, and a line about how far it is."""
    free = shutil.disk_usage(TREE).free
    if free < ROOM:
        say("Only %.1f GB are free here; some %.0f are needed." % (free / 1e9, ROOM / 1e9))
    say(
        "Installing PyTorch and the other packages into .venv (up to 6 GB; some minutes, mostly the download). "
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
            "the packages could not be installed (see above, and .venv/pip.log). Is the package index reachable, and "
            "is there room on the disk?"
        )
    say("Installed %.1f GB in %.0f s." % (size_of(VENV) / 1e9, time.time() - began))


def wait_for(process, began):
    """A line that is written over on a terminal; elsewhere one each half minute."""
    live = sys.stdout.isatty()
    said = began
    while True:
        try:
            code = process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            now = time.time()
            if live or now - said >= 30:
                said = now
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
            except OSError:  # it has gone meanwhile
                pass
    return total


if __name__ == "__main__":
    main()
