"""Complete jobs through a real daemon and the real command, as a user runs them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from PIL import Image

from velatura.app_dirs import app_dirs
from velatura.client.client import Client
from velatura.client.launch import Launcher
from velatura.pixels import Picture, PixelFormat
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.bench.pictures import drawn
from velatura_daemon.bench.problem import PAINTING, SCENE
from velatura_daemon.build import build_id, daemon_command


class IsolatedDaemon:
    """A daemon with its own home folder, on one device."""

    def __init__(self, home: Path, device: str, repeats: int) -> None:
        """repeats: how often each measurement is repeated."""
        self.home, self._repeats = home, repeats
        self.device = device
        launcher = Launcher(("/usr/bin/env", f"VELATURA_HOME={home}", *daemon_command()), build_id())
        self.client = Client("bench", dirs=app_dirs({"VELATURA_HOME": str(home)}), client_id="bench", launcher=launcher)
        self._layers = 0

    def close(self) -> None:
        self.client.shut_down()
        self.client.drain()
        self.client.close()

    def job(self, width: int, height: int, layer: str = "", adjust: bool = False, **settings: Any) -> dict[str, Any]:
        """Run a job. Returns the seconds to the first preview (`first`) and to the result (`whole`), and the worker's
        peak memory in bytes."""
        self._layers += 1
        content, style = picture(SCENE, width, height), picture(PAINTING, width, height)
        started_at, first = time.perf_counter(), None
        job = self.client.restyle(
            content,
            [(style, 1.0)],
            StyleSettings(**settings),
            device=self.device,
            layer=layer or f"layer {self._layers}",
            adjust=adjust,
        )
        for event in self.client.events(job):
            if first is None and isinstance(event, p.Preview):
                first = time.perf_counter() - started_at
            if isinstance(event, (p.Failed, p.Cancelled)):
                raise RuntimeError(event)
        memory = self.client.status()["worker"]["memory_bytes"]
        return {"first": first, "whole": time.perf_counter() - started_at, "memory": memory}

    def cold_and_warm(self, width: int, height: int, **settings: Any) -> dict[str, Any]:
        """Measure the first job of a new worker, then more jobs with the same settings."""
        cold = self.job(width, height, **settings)
        warm = [self.job(width, height, **settings) for _ in range(self._repeats)]
        return {
            "first_cold": cold["first"],
            "cold": cold["whole"],
            "first": [w["first"] for w in warm],
            "warm": [w["whole"] for w in warm],
            "memory": warm[-1]["memory"],
        }

    def command(self, width: int, height: int, **settings: Any) -> list[float]:
        """Return the seconds that `velatura restyle` takes from the shell to the file, with a warm daemon."""
        for name in (SCENE, PAINTING):
            Image.fromarray(drawn(name, width, height)).save(self.home / f"{name}.png")
        options = [f"--{key.replace('_', '-')}={value}" for key, value in settings.items()]
        scene, painting = (self.home / f"{name}.png" for name in (SCENE, PAINTING))
        command = [
            sys.executable,
            "-m",
            "velatura_daemon",
            "restyle",
            str(scene),
            "--style",
            str(painting),
            "-o",
            str(self.home / "out.png"),
            "--force",
            "--device",
            self.device,
            *options,
        ]
        durations = []
        for _ in range(self._repeats + 1):
            started_at = time.perf_counter()
            subprocess.run(
                command, env={**os.environ, "VELATURA_HOME": str(self.home)}, check=True, capture_output=True
            )
            durations.append(time.perf_counter() - started_at)
        return durations[1:]


def picture(name: str, width: int, height: int) -> Picture:
    return Picture(width, height, PixelFormat("RGB", "u8"), drawn(name, width, height).tobytes())
