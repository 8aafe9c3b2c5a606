"""Whole jobs, as a person has them: the real daemon, the real command, from shell to file."""

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
from velatura_daemon.build import build_id, own_command


class House:
    """A daemon under a home of its own, on one device."""

    def __init__(self, home: Path, device: str, repeats: int) -> None:
        """repeats: how often each thing is measured."""
        self.home, self._repeats = home, repeats
        self.device = device
        launcher = Launcher(("/usr/bin/env", f"VELATURA_HOME={home}", *own_command()), build_id())
        self.client = Client("bench", dirs=app_dirs({"VELATURA_HOME": str(home)}), client_id="bench", launcher=launcher)
        self._layers = 0

    def close(self) -> None:
        self.client.shut_down()
        self.client.drain()
        self.client.close()

    def job(self, width: int, height: int, layer: str = "", adjust: bool = False, **settings: Any) -> dict[str, Any]:
        """Seconds to the first preview and to the result, the losses, the worker's peak memory in bytes."""
        self._layers += 1
        content, style = picture(SCENE, width, height), picture(PAINTING, width, height)
        began, first = time.perf_counter(), None
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
                first = time.perf_counter() - began
            if isinstance(event, (p.Failed, p.Cancelled)):
                raise RuntimeError(event)
        memory = self.client.status()["worker"]["memory_bytes"]
        return {"first": first, "whole": time.perf_counter() - began, "memory": memory}

    def cold_and_warm(self, width: int, height: int, **settings: Any) -> dict[str, Any]:
        """The first job of a new worker, then some more of the same."""
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
        """Seconds of `velatura restyle`, from the shell to the file, the daemon warm."""
        for name in (SCENE, PAINTING):
            Image.fromarray(drawn(name, width, height)).save(self.home / f"{name}.png")
        words = [f"--{key.replace('_', '-')}={value}" for key, value in settings.items()]
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
            *words,
        ]
        spent = []
        for _ in range(self._repeats + 1):
            began = time.perf_counter()
            subprocess.run(
                command, env={**os.environ, "VELATURA_HOME": str(self.home)}, check=True, capture_output=True
            )
            spent.append(time.perf_counter() - began)
        return spent[1:]


def picture(name: str, width: int, height: int) -> Picture:
    return Picture(width, height, PixelFormat("RGB", "u8"), drawn(name, width, height).tobytes())
