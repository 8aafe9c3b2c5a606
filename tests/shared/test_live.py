"""Live previews: noticing that the layer has changed and the painter has paused; the battery; reduced masks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.editor import power
from velatura.editor.live import PAUSE, SETS, LiveWatch
from velatura.editor.setting_widgets import stepped
from velatura.pixels import MASK_FORMAT, Picture, reduced_mask
from velatura.settings import StyleSettings


class Timer:
    running = False

    def start(self, _):
        self.running = True

    def stop(self):
        self.running = False


class Canvas:
    """A layer of SETS checksums; painting changes some of them."""

    def __init__(self) -> None:
        self.rows, self.busy = [0] * SETS, False

    def paint(self, *rows):
        for row in rows or range(SETS):
            self.rows[row] += 1

    def sample(self, rows):
        return None if self.busy else self.rows[rows]


class Painter:
    """Follows a canvas; time passes with each tick."""

    def __init__(self) -> None:
        self.canvas, self.now, self.pauses, self.allowed = Canvas(), 0.0, 0, True
        timer = Timer()
        loop = type("Loop", (), {"timer": lambda _, callback: timer})()
        self.watch = LiveWatch(loop, self.canvas, lambda: self.allowed, self.on_pause)
        self.watch.clock = lambda: self.now
        self.watch._power.on_battery = lambda: self.on_battery
        self.timer, self.on_battery = timer, False
        self.watch.enable(True)

    def on_pause(self):
        self.pauses += 1

    def tick(self, times=1):
        for _ in range(times):
            self.now += PAUSE / 2
            self.watch._tick()


@pytest.fixture
def painter():
    one = Painter()
    one.tick(3 * SETS)
    assert one.pauses == 0, "nothing has been painted"
    return one


def test_the_preview_follows_once_a_stroke_has_paused(painter):
    for _ in range(5):
        painter.canvas.paint()
        painter.tick()
    assert painter.pauses == 0, "the stroke goes on"
    painter.tick(4)
    assert painter.pauses == 1
    painter.tick(3 * SETS)
    assert painter.pauses == 1, "once for each pause"


@pytest.mark.parametrize("row", range(SETS))
def test_a_thin_line_between_the_rows_of_one_sample_is_noticed(painter, row):
    painter.canvas.paint(row)
    painter.tick(2 * SETS)
    assert painter.pauses == 1


def test_nothing_is_read_while_a_stroke_is_painted(painter):
    painter.canvas.paint()
    painter.canvas.busy = True
    painter.tick(10)
    assert painter.pauses == 0
    painter.canvas.busy = False
    painter.tick(4)
    assert painter.pauses == 1


@pytest.mark.parametrize("reason", ["on battery", "not allowed"])
def test_the_preview_does_not_follow(painter, reason):
    painter.on_battery, painter.allowed = reason == "on battery", reason != "not allowed"
    painter.canvas.paint()
    painter.tick(10)
    assert painter.pauses == 0


def test_another_layer_is_no_change(painter):
    painter.canvas.paint()
    painter.watch.restart()
    painter.tick(3 * SETS)
    assert painter.pauses == 0


def test_it_is_off_until_it_is_switched_on(painter):
    painter.watch.enable(False)
    assert not painter.timer.running and not painter.watch.enabled


SUPPLIES = {
    "a laptop on the mains": (
        {"AC": {"type": "Mains", "online": "1"}, "B": {"type": "Battery", "status": "Full"}},
        False,
    ),
    "a laptop on its battery": (
        {"AC": {"type": "Mains", "online": "0"}, "B": {"type": "Battery", "status": "Discharging"}},
        True,
    ),
    "charged over USB": (
        {"U": {"type": "USB", "online": "1"}, "B": {"type": "Battery", "status": "Discharging"}},
        False,
    ),
    "a desktop with a wireless mouse": (
        {"mouse": {"type": "Battery", "status": "Discharging", "scope": "Device"}},
        False,
    ),
    "a server": ({}, False),
}


@pytest.mark.parametrize("name", SUPPLIES)
def test_the_battery_of_linux(tmp_path, name):
    supplies, expected = SUPPLIES[name]
    for supply, files in supplies.items():
        (tmp_path / supply).mkdir()
        for file, text in files.items():
            (tmp_path / supply / file).write_text(text + "\n")
    assert power.on_battery("linux", tmp_path) is expected


def test_without_an_answer_the_machine_counts_as_on_the_mains(tmp_path):
    assert power.on_battery("linux", tmp_path / "missing") is False


@given(
    size=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    reduced=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    data=st.data(),
)
def test_a_reduced_mask_consists_of_pixels_at_the_same_place(size, reduced, data):
    width, height = size
    pixels = data.draw(st.binary(min_size=width * height, max_size=width * height))
    mask = reduced_mask(Picture(width, height, MASK_FORMAT, pixels), *reduced)
    assert (mask.width, mask.height) == reduced
    x, y = data.draw(st.integers(0, reduced[0] - 1)), data.draw(st.integers(0, reduced[1] - 1))
    at = int((y + 0.5) * height / reduced[1]) * width + int((x + 0.5) * width / reduced[0])
    assert bytes(mask.data)[y * reduced[0] + x] == pixels[at]


def test_keyboard_steps_stay_in_range_and_the_quality_goes_round():
    assert stepped(StyleSettings(strength=50), "strength", 1).strength == 55
    assert stepped(StyleSettings(strength=98), "strength", 1).strength == 100
    assert stepped(StyleSettings(strength=2), "strength", -1).strength == 0
    assert stepped(StyleSettings(stroke_size=1), "stroke_size", -10).stroke_size == 0.25
    assert stepped(StyleSettings(quality="best"), "quality", 1).quality == "draft"
    assert stepped(StyleSettings(quality="paper"), "quality", 1).quality == "draft"
