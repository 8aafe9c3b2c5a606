"""Runs the system's ssh: its command line, its output, and its failures as sentences.

OpenSSH keeps users, keys, encryption and host names; Velatura stores no password and no key. All sentences below were
seen from OpenSSH 9.2, whose messages are not translated.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any

from velatura.errors import DaemonLost
from velatura.foreign_text import visible
from velatura.i18n import lazy_text
from velatura_daemon.remote_target import Target

# ssh takes the first value that it gets for an option: the user's words come before these, ~/.ssh/config after them.
OPTIONS = (
    "-T",  # no terminal, whatever the configuration says
    "-x",  # no X11
    "-a",  # no agent: nothing over there needs one
    "-o BatchMode=yes",  # never ask: nobody sees the question
    "-o ConnectTimeout=10",
    "-o ServerAliveInterval=15",  # notice a machine that has gone, within 45 s, and keep firewalls from forgetting us
    "-o ServerAliveCountMax=3",
    "-o ControlMaster=no",  # a shared connection would keep our forwarding after we have ended
    "-o ControlPath=none",
    "-o RemoteCommand=none",
    "-o PermitLocalCommand=no",
)
TAIL = 16384  # bytes kept of each output


class RemoteFailure(DaemonLost):
    """Another machine cannot do the work. may_pass: whether trying again may help without anybody doing anything."""

    def __init__(self, sentence: str, *, may_pass: bool = False) -> None:
        super().__init__(sentence)
        self.may_pass = may_pass


class SshProcess:
    """A running ssh. When the daemon ends, however it ends, ssh's input ends, and with it a command that reads it."""

    def __init__(self, ssh: str, target: Target, options: Sequence[str], command: str) -> None:
        """ssh: the command to run, with options of the user. options: more options, one word or 'flag value' each.
        command: for the shell over there. Raises RemoteFailure if ssh cannot be started."""
        self._target = target
        argv = command_line(ssh, target, options, command)
        # A group of its own: Ctrl-C in a terminal is for the daemon, and a ProxyJump's ssh ends together with ours.
        own: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            own = {"creationflags": subprocess.CREATE_NO_WINDOW}
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_without_questions(os.environ),
                **own,
            )
        except OSError as error:
            raise RemoteFailure(
                lazy_text("{program} cannot be started ({problem}).", program=argv[0], problem=str(error.strerror))
            ) from error
        assert self._process.stdout is not None and self._process.stderr is not None
        self._output, self._errors = _Tail(self._process.stdout), _Tail(self._process.stderr)

    @property
    def output(self) -> str:
        """What the other machine has printed, at most the last TAIL bytes."""
        return self._output.text()

    @property
    def errors(self) -> str:
        """What ssh and the other machine have printed as errors."""
        return self._errors.text()

    def write(self, text: str, *, end: bool = False) -> None:
        """Send text, less than a pipe holds (4 KiB everywhere), to the command's input. end: nothing follows."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended; its exit status says so too
            self._process.stdin.write(text.encode())
            self._process.stdin.flush()
            if end:
                self._process.stdin.close()

    def poll(self) -> int | None:
        """Return the exit status once ssh has ended and all its output was read; None before."""
        status = self._process.poll()
        if status is not None:
            self._output.join(1.0)
            self._errors.join(1.0)
        return status

    def failure(self) -> RemoteFailure:
        """Return why ssh has ended."""
        return explain(self.errors, self._target)

    def close(self, patience: float = 0.0) -> None:
        """End ssh, and wait for its end. patience: seconds to let it end by itself, now that its input has ended."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            if patience:
                self._process.wait(patience)
        with contextlib.suppress(OSError):  # all has ended
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)  # they have nothing to clean up
        self._process.wait()
        self._errors.join(1.0)


class _Tail(threading.Thread):
    """Reads a pipe to its end and keeps the last bytes."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(name="ssh output", daemon=True)  # not translated: of a thread
        self._pipe, self._kept = pipe, b""
        self.start()

    def run(self) -> None:
        with self._pipe:
            while data := os.read(self._pipe.fileno(), 4096):
                self._kept = (self._kept + data)[-TAIL:]

    def text(self) -> str:
        return self._kept.decode(errors="replace")


def _without_questions(env: Mapping[str, str]) -> dict[str, str]:
    """BatchMode does not reach the ssh of a ProxyJump, which would ask in a window."""
    return {**{name: value for name, value in env.items() if name != "SSH_ASKPASS"}, "SSH_ASKPASS_REQUIRE": "never"}


def command_line(ssh: str, target: Target, options: Sequence[str], command: str) -> list[str]:
    """Return the words of the call, as `SshProcess` describes them. Raises RemoteFailure."""
    words = [word for option in (*OPTIONS, *options) for word in option.split(" ", 1)]
    return [*_words(ssh), *words, "--", target.destination, command]  # what follows '--' is never read as an option


def _words(ssh: str) -> list[str]:
    try:
        words = shlex.split(ssh, posix=os.name == "posix")
    except ValueError as error:
        raise RemoteFailure(
            lazy_text("--ssh {given} is not a command ({problem}).", given=repr(ssh), problem=str(error))
        ) from error
    if not words or shutil.which(words[0]) is None:
        name = words[0] if words else "ssh"
        raise RemoteFailure(
            lazy_text(
                "The program {program} was not found on this machine. Install OpenSSH's client (on Debian and Ubuntu: "
                "apt install openssh-client), or name it with --ssh.",
                program=name,
            )
        )
    return words


def quoted_line(text: str) -> str:
    """Return a line of another machine as a sentence quotes it, of at most 300 of its characters."""
    return visible(text[:300])


def explain(errors: str, target: Target) -> RemoteFailure:
    """Turn what ssh has printed into one sentence that says what to do."""
    for pattern, may_pass, sentence in FAILURES:
        if found := re.search(pattern, errors, re.IGNORECASE):
            reason = found.group(found.lastindex) if found.lastindex else ""
            reason = quoted_line(reason).strip(" .")
            text = sentence.format(to=target.destination, host=target.host, reason=reason)
            return RemoteFailure(text, may_pass=may_pass)
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    if not lines:
        return RemoteFailure(
            lazy_text(
                "The ssh connection to {machine} has ended. Try 'ssh {machine}' in a terminal.", machine=str(target)
            ),
            may_pass=True,
        )
    return RemoteFailure(
        lazy_text(
            "The ssh connection to {machine} has ended: {problem}. Try 'ssh {machine}' in a terminal.",
            machine=str(target),
            problem=quoted_line(lines[-1]).rstrip("."),
        )
    )


# (pattern in ssh's errors, whether it may pass by itself, sentence), the most telling first.
FAILURES = (  # not translated: patterns
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        False,
        lazy_text(
            "The host key of {host} is not the one that ssh remembers: the machine was reinstalled, or another one "
            "answers in its place. Nothing was sent. If it was reinstalled, run 'ssh {to}' and follow the "
            "instructions."
        ),
    ),
    (
        r"Host key verification failed",
        False,
        lazy_text("ssh does not know {host} yet. Run 'ssh {to}' once in a terminal and confirm its host key."),
    ),
    (
        r"Permission denied \(|Too many authentication failures|No supported authentication methods",
        False,
        lazy_text(
            "{to} does not accept your ssh key, and Velatura cannot ask for a password. Run 'ssh-copy-id {to}' once, "
            "or load your key with 'ssh-add', until 'ssh {to}' logs in without asking."
        ),
    ),
    (
        r"Temporary failure in name resolution",
        True,
        lazy_text("The name {host} cannot be resolved at present. Check that this machine is online."),
    ),
    (
        r"Could not resolve hostname",
        False,
        lazy_text("There is no machine called {host}. Check the name, or give it one in ~/.ssh/config."),
    ),
    (
        r"Connection refused",
        True,
        lazy_text(
            "{host} is switched on but accepts no ssh connections. Start its ssh server (on Debian and Ubuntu: "
            "sudo apt install openssh-server)."
        ),
    ),
    (
        r"(No route to host|Network is unreachable|Host is down|Connection timed out|Operation timed out)",
        True,
        lazy_text("{host} cannot be reached ({reason}). Check that it is switched on, awake and on this network."),
    ),
    (
        r"administratively prohibited|open failed: connect failed: open failed|forwarding request failed",
        False,
        lazy_text(
            "The ssh server of {host} forbids forwarding. Allow it in its sshd_config: AllowTcpForwarding yes and "
            "AllowStreamLocalForwarding yes."
        ),
    ),
    (
        r"(Could not request local forwarding|cannot listen to port.*|unix_listener:.*|bind \[.*"
        r"|Bad local forwarding.*)",
        False,
        lazy_text(
            "ssh could not open this machine's end of the connection ({reason}). If ~/.ssh/config forwards ports for "
            "{to}, give Velatura an alias without them."
        ),
    ),
    (
        r"((?:Bad configuration option|Bad owner or permissions on|no such identity|terminating,).*)",
        False,
        lazy_text("ssh cannot use its configuration: {reason}."),
    ),
    (
        r"(Connection closed by .*|Connection to .* closed.*|Connection reset .*|kex_exchange_identification.*"
        r"|not responding|Broken pipe"
        r"|Timeout, server.*)",
        True,
        lazy_text("{host} has closed the ssh connection ({reason})."),
    ),
)
