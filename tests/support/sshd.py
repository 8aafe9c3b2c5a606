"""A real sshd on this machine whose logins have a home of their own: another machine, as far as Velatura can tell."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.conftest import Daemon, free_port, wait_for_end
from tests.support.debian_root import run_quietly
from velatura.app_dirs import AppDirs, app_dirs

SSHD = "/usr/sbin/sshd"


def need_sshd() -> None:
    """Install Debian's OpenSSH server if this is root; otherwise skip the test where there is none."""
    with (Path(tempfile.gettempdir()) / "velatura-tests-sshd.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests run in two processes
        _need_sshd()


def _need_sshd() -> None:
    if shutil.which(SSHD) and shutil.which("ssh"):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip("needs OpenSSH's client and server (apt install openssh-client openssh-server)")
    policy = Path("/usr/sbin/policy-rc.d")  # keeps the package from starting a server of the system's own
    existed = policy.exists()
    if not existed:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        run_quietly("apt-get", "-o", "Acquire::Retries=3", "update")
        run_quietly(
            "apt-get",
            "-o",
            "Acquire::Retries=3",
            "install",
            "-y",
            "--no-install-recommends",
            "openssh-server",
            "openssh-client",
        )
    finally:
        if not existed:
            policy.unlink()


@dataclass
class Box:
    """The other machine. home: the home folder of its only user, who has the same name as here."""

    folder: Path
    home: Path = field(init=False)
    port: int = field(default_factory=free_port)
    server: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        need_sshd()
        self.home = self.folder / "box"
        self.home.mkdir(parents=True)
        for name in ("host_key", "user_key"):
            self._make_key(name)
        shutil.copy(self.folder / "user_key.pub", self.folder / "authorized_keys")
        self.write_known_hosts((self.folder / "host_key.pub").read_text())
        self.write_config()
        self.install()
        self.start()

    def _make_key(self, name: str) -> None:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    # --- this machine's side ---------------------------------------------------------------------------
    @property
    def ssh(self) -> str:
        """The value of --ssh."""
        return f"ssh -F '{self.folder}/ssh_config'"

    def write_known_hosts(self, public_key: str) -> None:
        """public_key: as ssh-keygen writes it; '': the host is unknown."""
        kind, _, key = public_key.partition(" ")
        line = f"[127.0.0.1]:{self.port} {kind} {key.split()[0]}\n" if key else ""
        (self.folder / "known_hosts").write_text(line)

    def write_config(self, *more: str) -> None:
        lines = [
            "Host box",
            "HostName 127.0.0.1",
            f"Port {self.port}",
            f"User {getpass.getuser()}",
            f'IdentityFile "{self.folder}/user_key"',
            "IdentitiesOnly yes",
            f'UserKnownHostsFile "{self.folder}/known_hosts"',
            "GlobalKnownHostsFile /dev/null",
        ]
        (self.folder / "ssh_config").write_text("\n".join([*more, *lines]) + "\n")

    def near(self, home: Path, *more: str, target: str = "box") -> Daemon:
        """A daemon of this machine, not started yet, that sends its jobs to the box."""
        return Daemon(home, ("--remote", target, "--ssh", self.ssh, *more))

    def ssh_pids(self) -> list[int]:
        """The running ssh clients that use this configuration."""
        found = (one.info for one in psutil.process_iter(["name", "cmdline", "pid"]))
        config = f"{self.folder}/ssh_config"
        # A zombie's command line is None.
        return [one["pid"] for one in found if one["name"] == "ssh" and config in (one["cmdline"] or ())]

    # --- the other machine's side ----------------------------------------------------------------------
    @property
    def dirs(self) -> AppDirs:
        return app_dirs({"HOME": str(self.home)}, "linux")

    @property
    def velatura(self) -> Path:
        return self.home / ".local/bin/velatura"

    def install(self, code: str = "", at: Path | None = None) -> None:
        """Put the velatura command where pipx does, or elsewhere. code: Python to run first, such as another version.

        One thread, as all daemons of the tests."""
        program = at or self.velatura
        program.parent.mkdir(parents=True, exist_ok=True)
        lines = ["#!" + sys.executable, "import os", "os.environ['OMP_NUM_THREADS'] = '1'", code]
        lines += ["from velatura_daemon.cli.main import main", "main()"]
        program.write_text("\n".join(lines) + "\n")
        program.chmod(0o755)

    def start(self, *more: str) -> None:
        """Start its sshd. more: lines of sshd_config."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        lines = [
            *more,
            "ListenAddress 127.0.0.1",
            f"Port {self.port}",
            f'HostKey "{self.folder}/host_key"',
            f'AuthorizedKeysFile "{self.folder}/authorized_keys"',
            "PidFile none",
            "StrictModes no",  # the folder is in /tmp
            "UsePAM no",
            "PasswordAuthentication no",
            "PermitRootLogin yes",
            f'SetEnv HOME="{self.home}"',
        ]
        (self.folder / "sshd_config").write_text("\n".join(lines) + "\n")
        command = [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with (self.folder / "sshd.log").open("ab") as log:
            self.server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while True:
            assert self.server.poll() is None, (self.folder / "sshd.log").read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return
            except ConnectionRefusedError:
                pass

    def stop_sshd(self) -> None:
        """End sshd and all connections."""
        assert self.server is not None
        if self.server.poll() is not None:
            return
        for process in [*psutil.Process(self.server.pid).children(recursive=True), psutil.Process(self.server.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):  # some end by themselves, as their connection closes
                process.kill()
        self.server.wait()

    @property
    def daemon_pid(self) -> int:
        """The process ID of its daemon, as its lock says."""
        return int(self.dirs.lock_file.read_text().split()[0])

    def kill_daemon(self) -> None:
        pid = self.daemon_pid
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)

    def close(self) -> None:
        self.stop_sshd()
        if self.dirs.lock_file.exists():
            try:
                pid = self.daemon_pid
                os.kill(pid, signal.SIGTERM)
                wait_for_end(pid)
            except (ProcessLookupError, ValueError):
                pass
