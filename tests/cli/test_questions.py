"""Questions of the command line: yes, no, no answer, and Ctrl-C instead of an answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

QUESTION = "Saved results, interrupted restyles and the history will be deleted permanently. Continue? [y/N]: "

# SIGINT goes to another thread, once the main thread waits for the answer: Python notes it, but it interrupts nothing.
# A signal that comes in the moment before the waiting begins has the same effect.
NOTED_ELSEWHERE = """
import os, signal, sys, threading

def place(main):
    frame = sys._current_frames()[main]
    return frame.f_code.co_filename.endswith(("questions.py", "codecs.py")) and (frame.f_code, frame.f_lasti)

def interrupt(main):
    last = None
    while not (last and last == place(main)):
        last = place(main)
        threading.Event().wait(0.1)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, args=[threading.get_ident()], daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
"""


def forget(home: Path, answer: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "VELATURA_HOME": str(home)}
    command = [sys.executable, "-m", "velatura_daemon", "forget"]
    return subprocess.run(command, env=env, input=answer, capture_output=True, text=True, timeout=400, check=False)


@pytest.mark.parametrize("answer", ["y\n", "YES\n", "what\ny\n"])
def test_yes_goes_on(home, answer):
    done = forget(home, answer)
    assert done.returncode == 0
    assert done.stdout.startswith("Deleted")
    assert done.stderr.startswith(QUESTION)


@pytest.mark.parametrize("answer", ["n\n", "No\n", "\n"])
def test_no_does_nothing_and_says_so(home, answer):
    done = forget(home, answer)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{QUESTION}velatura: Nothing was done.\n"


def test_without_an_answer_nothing_is_done(home):
    done = forget(home, "")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{QUESTION}\nvelatura: The question was not answered, so nothing was done.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
@pytest.mark.parametrize("hook", ["", NOTED_ELSEWHERE])
def test_ctrl_c_at_a_question_ends_the_command_whenever_it_comes(home, tmp_path, hook):
    (tmp_path / "sitecustomize.py").write_text(hook)
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "velatura_daemon", "forget"],
        env={**os.environ, "VELATURA_HOME": str(home), "PYTHONPATH": str(tmp_path)},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        assert process.stderr.read(len(QUESTION)).decode() == QUESTION
        if not hook:
            process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=400)
    finally:
        process.kill()
        os.close(ours)
        os.close(theirs)
    assert (process.returncode, err.decode()) == (130, "Stopped.\n")
