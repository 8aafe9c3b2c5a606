"""A real mouse and keyboard on an editor's virtual screen, and what the screen shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from tests.editors.session import EditorSession

UP, DOWN = "4", "5"  # the buttons that stand for the wheel


@dataclass
class Pointer:
    session: EditorSession

    def do(self, *argv: object) -> None:
        """Runs xdotool commands in one go."""
        self.session.run("xdotool", *map(str, argv))

    def click(self, x: float, y: float, times: int = 1) -> None:
        self.do("mousemove", round(x), round(y), "click", "--repeat", times, "--delay", 60, 1)

    def wheel(self, x: float, y: float, button: str, notches: int = 1) -> None:
        self.do("mousemove", round(x), round(y), "click", "--repeat", notches, "--delay", 30, button)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """In a few steps, as a hand does."""
        (x, y), (to_x, to_y) = start, end
        steps = [(round(x + (to_x - x) * part / 4), round(y + (to_y - y) * part / 4)) for part in range(1, 5)]
        moves = [word for step in steps for word in ("mousemove", *step, "sleep", 0.02)]
        self.do("mousemove", round(x), round(y), "mousedown", 1, *moves, "mouseup", 1)

    def screen(self) -> np.ndarray:
        """What the screen shows, as (height, width, 3) bytes."""
        path = self.session.home / "screen.png"
        self.session.run("import", "-window", "root", str(path))
        return np.asarray(Image.open(path).convert("RGB"))


def differences(one: np.ndarray, other: np.ndarray) -> tuple[int, int, list[int]]:
    """The largest difference of two pictures, how many pixels differ, and the box around these."""
    assert one.shape == other.shape
    by_pixel = np.abs(one.astype(int) - other.astype(int)).max(axis=2)
    rows, columns = np.nonzero(by_pixel)
    box = [int(v) for v in (columns.min(), rows.min(), columns.max(), rows.max())] if len(rows) else []
    return int(by_pixel.max()), len(rows), box
