"""The first ssh call to another machine: find Velatura there, start its daemon, and return how to connect to it."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import dataclass

from velatura.client.connection_file import ConnectionInfo
from velatura.client.launch import ERROR_PREFIX
from velatura.i18n import lazy_text
from velatura.protocol.messages import VERSION
from velatura_daemon.executors.remote.ssh import RemoteFailure, SshProcess, quoted_line
from velatura_daemon.remote_target import Target

LOGIN_SECONDS = 25.0  # until the script runs: ssh itself gives up after 10 s without an answer
PROBE_SECONDS = 90.0  # in all: importing Python's modules from a cold disk, and 30 s for the daemon to start
BEGUN, FOUND, MISSING, HOMELESS = "velatura-begun", "velatura-found", "velatura-missing", "velatura-no-home"
SSH_FAILED, NO_SUCH_COMMAND = 255, (126, 127)  # exit statuses
ANSWER = "velatura-connection"  # `velatura daemon connection` prints this and a JSON object

# A plain ssh session has a short PATH. These are where pipx, uv, 'make demo' in a clone and administrators install.
PLACES = (
    '"$(command -v velatura 2>/dev/null)"',
    '"$HOME"/.local/bin/velatura',
    '"$HOME"/bin/velatura',
    '"$HOME"/.venv/bin/velatura',
    '"$HOME"/velatura/.venv/bin/velatura',
    '"$HOME"/*/.venv/bin/velatura',
    '"$HOME"/*/velatura/.venv/bin/velatura',
    "/usr/local/bin/velatura",
    "/opt/velatura/bin/velatura",
    "/opt/velatura/.venv/bin/velatura",
    "/opt/homebrew/bin/velatura",
)

# For any POSIX shell. It goes to /bin/sh's input, since the user's login shell may be of another kind (fish, csh).
SCRIPT = """
echo {begun}
cd "$HOME" || {{ echo {homeless}; exit; }}
given={given}
case $given in "~/"*) given=$HOME/${{given#"~/"}};; esac
velatura=
try() {{
  for place in "$@"; do
    [ -z "$velatura" ] && [ -f "$place" ] && [ -x "$place" ] && velatura=$place
  done
}}
if [ -n "$given" ]; then
  try "$given" "$given/velatura" "$given/bin/velatura" "$given/.venv/bin/velatura"
else
  try {places}
fi
[ -n "$velatura" ] || {{ echo {missing}; exit; }}
case $velatura in /*) ;; *) velatura=$PWD/$velatura;; esac
echo "{found} $velatura"
exec "$velatura" daemon connection </dev/null
"""  # not translated: a program


@dataclass(frozen=True)
class RemoteDaemonInfo:
    """What the other machine says. program: path of the velatura command. version: Velatura's. settings: names of the
    settings that it knows. executor: where its daemon runs jobs, as in DaemonConfig. connection: its daemon's."""

    program: str
    version: str
    settings: frozenset[str]
    executor: str
    connection: ConnectionInfo


class Probe:
    """The call, under way."""

    def __init__(self, ssh: str, target: Target) -> None:
        """Raises RemoteFailure."""
        self._target = target
        self._login_deadline = time.monotonic() + LOGIN_SECONDS
        self._deadline = time.monotonic() + PROBE_SECONDS
        self._process = SshProcess(ssh, target, ["-o ClearAllForwardings=yes", "-o LogLevel=ERROR"], "/bin/sh")
        self._process.write(script_for(target), end=True)

    def poll(self) -> RemoteDaemonInfo | None:
        """Return the answer; None: not yet. Raises RemoteFailure."""
        status = self._process.poll()
        if status is None:
            if time.monotonic() > self._login_deadline and BEGUN not in self._process.output:
                self.close()
                raise RemoteFailure(
                    lazy_text(
                        "{machine} did not run a command within {seconds:.0f} s of the login. Check what its shell "
                        "does when it starts (~/.bashrc or similar).",
                        machine=str(self._target),
                        seconds=LOGIN_SECONDS,
                    ),
                    may_pass=True,
                )
            if time.monotonic() > self._deadline:
                self.close()
                raise RemoteFailure(
                    lazy_text(
                        "{machine} did not start its daemon within {seconds:.0f} s. Log in there and run 'velatura "
                        "daemon start' to see why.",
                        machine=str(self._target),
                        seconds=PROBE_SECONDS,
                    ),
                    may_pass=True,
                )
            return None
        self._process.close()
        return read_answer(self._target, status, self._process)

    def close(self) -> None:
        self._process.close()


def script_for(target: Target) -> str:
    return SCRIPT.format(
        begun=BEGUN,
        homeless=HOMELESS,
        given=shlex.quote(target.program),
        places=" ".join(PLACES),
        missing=MISSING,
        found=FOUND,
    )


def read_answer(target: Target, status: int, process: SshProcess) -> RemoteDaemonInfo:
    """Read what the script has printed, among whatever the login shell prints. Raises RemoteFailure."""
    lines = [line.strip() for line in process.output.splitlines()]
    program = next((quoted_line(line.partition(" ")[2]) for line in lines if line.startswith(FOUND + " /")), "")
    answer = next((line.partition(" ")[2] for line in lines if line.startswith(ANSWER + " {")), "")
    if answer:
        return _parse(target, program, answer)
    if status == SSH_FAILED or status < 0:
        raise process.failure()
    if program:
        raise RemoteFailure(_why_not_started(target, program, process.errors))
    if MISSING in lines:
        raise RemoteFailure(_not_found(target))
    if HOMELESS in lines:
        raise RemoteFailure(
            lazy_text("Your home folder on {machine} does not exist. Log in there and check why.", machine=str(target))
        )
    if status in NO_SUCH_COMMAND and BEGUN not in lines:
        raise RemoteFailure(
            lazy_text("{machine} has no /bin/sh. Remote machines must run Linux or macOS.", machine=str(target))
        )
    printed = process.errors.strip().splitlines()
    if not printed:
        raise RemoteFailure(
            lazy_text(
                "The login shell of {machine} ended before it ran anything; it printed nothing.", machine=str(target)
            )
        )
    raise RemoteFailure(
        lazy_text(
            "The login shell of {machine} ended before it ran anything; it printed: {line}.",
            machine=str(target),
            line=quoted_line(printed[-1]),
        )
    )


def _not_found(target: Target) -> str:
    if target.program:
        return lazy_text(
            "There is no velatura at {path} on {machine}. Check the path after the colon of --remote.",
            path=target.program,
            machine=str(target),
        )
    return lazy_text(
        "Velatura was not found on {machine}. Install it there, or give its path: --remote "
        "{machine}:/path/to/velatura.",
        machine=str(target),
    )


def _why_not_started(target: Target, program: str, errors: str) -> str:
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    sentence = next((line for line in reversed(lines) if line.startswith(ERROR_PREFIX)), "")
    if "No such command" in errors:  # not translated: of an older version, in English
        return lazy_text(
            "Velatura on {machine} ({path}) is too old to work for another machine. Update it there.",
            machine=str(target),
            path=program,
        )
    if sentence:
        said = quoted_line(sentence.removeprefix(ERROR_PREFIX))
        return lazy_text("The daemon on {machine} did not start. It reported: {said}", machine=str(target), said=said)
    doctor = f"{shlex.quote(program)} doctor"
    if not lines:
        return lazy_text(
            "The daemon on {machine} did not start. Log in there and run '{command}'.",
            machine=str(target),
            command=doctor,
        )
    return lazy_text(
        "The daemon on {machine} did not start ({problem}). Log in there and run '{command}'.",
        machine=str(target),
        problem=quoted_line(lines[-1]).rstrip("."),
        command=doctor,
    )


def _parse(target: Target, program: str, answer: str) -> RemoteDaemonInfo:
    try:
        fields = json.loads(answer)
        protocol, version = int(fields["protocol"][0]), quoted_line(str(fields["version"]))[:40]
        settings = frozenset(str(name) for name in fields["settings"])
        endpoints = tuple(str(endpoint) for endpoint in fields["endpoints"])
        key = bytes.fromhex(fields["key"])
        connection = ConnectionInfo(endpoints, key, int(fields["pid"]), str(fields["build"]))
    except (ValueError, KeyError, TypeError, IndexError):
        raise RemoteFailure(
            lazy_text(
                "Velatura on {machine} ({path}) gave an answer that this version does not understand. Update the "
                "older of the two.",
                machine=str(target),
                path=program,
            )
        ) from None
    check_protocol(protocol, version, target)
    return RemoteDaemonInfo(program, version, settings, str(fields.get("executor", "")), connection)


def check_protocol(major: int, version: str, target: Target) -> None:
    """Raises RemoteFailure, which says which side to update, unless both speak the same major version."""
    if major == VERSION[0]:
        return
    sentence = (
        lazy_text(
            "Velatura on {machine} (version {version}) speaks protocol {theirs}, this one protocol {ours}. Update "
            "Velatura on {machine}."
        )
        if major < VERSION[0]
        else lazy_text(
            "Velatura on {machine} (version {version}) speaks protocol {theirs}, this one protocol {ours}. Update "
            "Velatura on this machine."
        )
    )
    raise RemoteFailure(sentence.format(machine=str(target), version=version, theirs=str(major), ours=str(VERSION[0])))


def check_works_itself(info: RemoteDaemonInfo, own: ConnectionInfo | None, target: Target) -> None:
    """Raises RemoteFailure if the daemon over there is this one, or hands its jobs on: two machines that name each
    other would wait for ever. own: this daemon's connection."""
    if own is not None and own.key == info.connection.key:
        raise RemoteFailure(
            lazy_text(
                "{machine} leads back to this daemon. Give another machine, or omit --remote.", machine=str(target)
            )
        )
    if info.executor in ("remote", "upstream"):
        raise RemoteFailure(
            lazy_text(
                "The daemon on {machine} passes its jobs on to another machine. Run 'velatura daemon start' without "
                "--remote there, or give that other machine here.",
                machine=str(target),
            )
        )
