"""Whether this machine runs on its battery, so that work nobody has asked for can wait."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from velatura.client.environment import clean_environment

POWER_SUPPLIES = Path("/sys/class/power_supply")  # Linux
CHECK_EVERY = 20.0  # seconds; the answer is kept in between
PMSET_TIMEOUT = 2.0  # seconds


class Power:
    """Asks the system at most once in CHECK_EVERY seconds."""

    def __init__(self) -> None:
        self._on_battery, self._checked_at = False, -CHECK_EVERY

    def on_battery(self) -> bool:
        """Return whether the machine runs on its battery; False if that cannot be found out."""
        now = time.monotonic()
        if now - self._checked_at >= CHECK_EVERY:
            self._on_battery, self._checked_at = on_battery(), now
        return self._on_battery


def on_battery(platform: str = sys.platform, supplies: Path = POWER_SUPPLIES) -> bool:
    """Ask the system whether the machine runs on its battery. Returns False if that cannot be found out.

    supplies: Linux's folder of power supplies.
    """
    try:
        if platform == "win32":
            return _windows_on_battery()
        if platform == "darwin":
            command = ["/usr/bin/pmset", "-g", "batt"]
            reply = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=PMSET_TIMEOUT,
                check=False,
                env=clean_environment(os.environ, command[0]),
            )
            return "'Battery Power'" in reply.stdout  # not translated: printed by pmset
        return _linux_on_battery(supplies)
    except (OSError, ValueError, subprocess.SubprocessError):
        return False


def _linux_on_battery(supplies: Path) -> bool:  # not translated: what Linux calls them
    """A battery is being discharged and no mains adapter is connected. Mice and phones have batteries too: their scope
    is 'Device'."""
    discharging = False
    for supply in supplies.iterdir():
        kind = _read(supply / "type")
        if kind in ("Mains", "USB") and _read(supply / "online") == "1":
            return False
        if kind == "Battery" and _read(supply / "scope") != "Device":
            discharging |= _read(supply / "status") == "Discharging"
    return discharging


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _windows_on_battery() -> bool:
    import ctypes

    class Status(ctypes.Structure):
        """SYSTEM_POWER_STATUS. line: 0 on the battery, 1 on the mains, 255 if unknown."""

        _fields_ = [("line", ctypes.c_ubyte), ("rest", ctypes.c_ubyte * 11)]

    status = Status()
    answered = ctypes.windll.kernel32.GetSystemPowerStatus(ctypes.byref(status))  # type: ignore[attr-defined]
    return bool(answered) and status.line == 0
