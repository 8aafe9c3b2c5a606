"""Tests of quick drafts, the docker, live drafts and the keyboard commands in a real Krita."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pytest

from tests.editors.krita_session import open_picture
from tests.editors.pointer import Pointer
from tests.editors.reporting import MEASUREMENTS
from tests.editors.session import PATIENCE

DOCKER = "next(d for d in K.dockers() if d.objectName() == 'velatura_docker')"
SHOW_DOCKER = (
    f"K.activeWindow().qwindow().showMaximized()\ndock_of = {DOCKER}\ndock_of.setFloating(True)\n"
    "dock_of.setVisible(True)\ndock_of.setGeometry(1400, 60, 232, 900)\nQApplication.processEvents()\n"
    "dock_of.widget() is not None"
)
CHOOSE = (
    "dock.gallery.choose(next(i.data(Qt.UserRole) for i in dock.gallery.list.items()"
    " if i.data(Qt.UserRole) is not None and i.text() == {name!r}))"
)
DRAFTED = "dock.preview.has_preview and not controller().drafts.running and controller().drafts._done is not None"
# The draft that was asked for after stamps.clear(). One that is made anew because nothing changes any more is not meant.
NEXT_DRAFTED = f"'requested' in stamps and 'finished' in stamps and {DRAFTED}"
SHOWN = (  # the preview as bytes, in a small size
    "_small = {image}.scaled(64, 48).convertToFormat(QImage.Format_RGB32)\n_bits = _small.constBits()\n"
    "_bits.setsize(_small.sizeInBytes())\nbytes(_bits).hex()"
)


@pytest.fixture
def docker(krita):
    """A picture in Krita and the docker as the only panel: in the editor it is `dock`."""
    krita.execute("window() and window().close()")
    open_picture(krita, "large.png")
    krita.wait_for(SHOW_DOCKER, PATIENCE, "the docker")
    krita.execute(f"dock = {DOCKER}.widget()")
    krita.wait_for("'960 × 720' in dock.target.text()", PATIENCE, "the target")
    krita.execute("controller().enable_drafts(True)\ncontroller().window.show_drafts(True)")
    krita.execute(CHOOSE.format(name="Night swirls"))
    krita.execute("K.activeWindow().qwindow().activateWindow()")
    yield krita
    krita.execute(
        "window() and window().close()\ncontroller().cancel()\ncontroller().enable_live(False)\n"
        f"controller().enable_drafts(False)\n{DOCKER}.setVisible(False)"
    )


def shown(krita, image: str = "dock.preview.shown") -> np.ndarray:
    """The preview or another image of it in a small size, as (48, 64, 3) numbers."""
    pixels = np.frombuffer(bytes.fromhex(krita.execute(SHOWN.format(image=image))), np.uint8)
    return pixels.reshape(48, 64, 4)[..., :3].astype(float)


def layer_shown(krita) -> np.ndarray:
    """The layer as the preview has it, in the same form."""
    return shown(krita, "dock.preview._model._before.whole")


def paint(krita, dy: int = 0) -> float:
    """Paints a stroke on the canvas with the mouse. Returns when it ended, in seconds since 1970."""
    x, y = krita.execute(
        "area = K.activeWindow().qwindow().findChild(QMdiArea)\n"
        "point = area.mapToGlobal(QPoint(area.width() // 2, area.height() // 2))\n[point.x(), point.y()]"
    )
    steps = [(x - 160 + 20 * i, y + dy + 8 * (i % 4)) for i in range(17)]
    # As fast as a hand: of a stroke that takes no time, a busy Krita may paint only a part.
    moves = [word for step in steps[1:] for word in ("mousemove", *step, "sleep", 0.02)]
    Pointer(krita).do("mousemove", *steps[0], "mousedown", 1, *moves, "mouseup", 1)
    return time.time()


def test_the_docker_drafts_a_chosen_style_by_itself(docker):
    docker.wait_for(DRAFTED, PATIENCE, "a draft")
    docker.photograph("krita-docker")
    assert docker.execute("layers()") == docker.execute("layers()[:1]"), "a draft is no layer"


def test_a_changed_setting_is_drafted_again(docker):
    docker.wait_for(DRAFTED, PATIENCE, "a draft")
    before = shown(docker)
    docker.execute("stamps.clear()\nstamp_drafts()\ndock.controls._editors['strength'].number.setValue(100)")
    docker.wait_for(NEXT_DRAFTED, PATIENCE, "the next draft")
    at = docker.execute("stamps")
    MEASUREMENTS.append(
        f"a slider moved, 2 cores, 960 × 720 px in the docker: first preview {at['preview'] - at['requested']:.1f} s "
        f"later, finished after {at['finished'] - at['requested']:.1f} s"
    )
    assert np.abs(before - shown(docker)).mean() > 1


def test_no_draft_is_made_while_a_restyle_runs(docker):
    docker.execute("dock.controls._editors['quality'].set_value('good')")
    docker.execute("dock.start.click()")
    docker.wait_for("controller().is_busy and dock.cancel.isEnabled()", PATIENCE, "the restyle")
    docker.execute("dock.controls._editors['strength'].number.setValue(81)")
    docker.wait_for("controller().current.settings.strength == 81", PATIENCE, "the change")
    assert docker.execute("not controller().drafts.running and controller().drafts._job == ''")
    docker.execute("dock.cancel.click()")
    docker.wait_for("not controller().is_busy", PATIENCE, "the cancel")


def test_the_window_and_the_docker_show_the_same(docker):
    docker.execute("set_up('Mosaic', quality='best', strength=35)")
    same = "[panel().settings() == dock.settings(), [s.name for s in dock.chosen_styles()], panel().chosen_styles() == dock.chosen_styles()]"
    assert docker.execute(same) == [True, ["Mosaic"], True]
    docker.execute("dock.controls._editors['strength'].number.setValue(64)")
    docker.execute(CHOOSE.format(name="Poppy field"))
    assert docker.execute(same) == [True, ["Poppy field"], True]
    assert docker.execute("panel().settings().strength") == 64
    docker.wait_for("dock.preview.has_preview and panel().preview.has_preview", PATIENCE, "a draft in both")


def test_the_docker_is_as_narrow_as_220_pixels_and_nothing_is_cut_off(docker):
    docker.execute(f"{DOCKER}.resize(220, 900)\nQApplication.processEvents()")
    assert docker.execute(f"{DOCKER}.width()") <= 220
    assert docker.execute("dock._scroll.widget().width() <= dock._scroll.viewport().width()")
    assert (
        docker.execute(
            "[w.objectName() or w.text() for w in dock.findChildren(QAbstractButton) if w.isVisible() and w.window() is dock.window()"
            " and w.mapTo(dock, QPoint(w.width(), 0)).x() > dock.width()]"
        )
        == []
    )


def test_live_the_preview_follows_the_brush(docker):
    """Measures the time from the end of a stroke to the preview, and what a painter feels of it."""
    docker.wait_for(DRAFTED, PATIENCE, "a draft")
    docker.execute("stamp_drafts()\ncontroller().enable_live(True)")
    docker.wait_for(f"len(controller().live.tick_seconds) > 12 and {DRAFTED}", PATIENCE, "live")
    docker.execute("controller().live.tick_seconds.clear()\nmeasure_painting()")
    layer, before, figures = layer_shown(docker), shown(docker), []
    for number in range(4):
        docker.execute("stamps.clear()")
        ended = paint(docker, 50 * number - 80)
        docker.wait_for(NEXT_DRAFTED, PATIENCE, "the live draft")
        at = docker.execute("stamps")
        figures.append((at["preview"] - ended, at["finished"] - ended))
        docker.photograph(f"s-live-{number}")
        painted, after = layer_shown(docker), shown(docker)
        stroke = np.abs(painted - layer).max(axis=2) > 20
        assert stroke.any(), "the stroke is in the layer that the preview has"
        changes = np.abs(after - before).mean(axis=2)
        assert changes[stroke].mean() > 3 * changes[~stroke].mean(), "the stroke is in the preview"
        layer, before = painted, after
    docker.execute("gaps.stop()")
    report, ticks = docker.execute("gaps.report()"), docker.execute("controller().live.tick_seconds")
    first, finished = (statistics.median(column) for column in zip(*figures, strict=True))
    phase = report["phases"]["read"]
    MEASUREMENTS.append(
        f"live, 2 cores, 960 × 720 px in the docker: first preview {first:.1f} s after the stroke, finished after "
        f"{finished:.1f} s; a look at the layer takes {1000 * statistics.median(ticks):.1f} ms, at most "
        f"{1000 * max(ticks):.1f}; our longest time in one gap {phase['most own']} ms ({phase['call']})"
    )


def test_live_is_off_at_first_and_while_krita_saves(docker):
    assert docker.execute("controller().live.enabled") is False
    docker.execute("from velatura_krita import canvas, canvas_saving")
    assert docker.execute("canvas.sample(0) is not None")
    docker.execute(f"doc().setFileName({str(docker.home / 'saved.png')!r})")
    docker.execute("K.setBatchmode(True)\nK.action('file_save').trigger()")
    docker.wait_for("canvas.sample(0) is not None", PATIENCE, "the end of saving")
    docker.execute("canvas_saving._watch._on_began()")
    assert docker.execute("canvas.sample(0) is None")
    docker.execute("K.setBatchmode(False)\ncanvas_saving._watch._on_ended()")


def test_zoomed_in_the_visible_part_is_drafted_in_its_own_pixels(docker):
    docker.execute("set_up()\nwindow().setGeometry(40, 60, 900, 760)")
    docker.wait_for(f"panel().preview.has_preview and {DRAFTED}", PATIENCE, "a draft")
    docker.execute("panel().preview.one_to_one()")
    docker.wait_for(
        "panel().preview.detail_wanted() is None and not controller().drafts.running", PATIENCE, "the visible part"
    )
    docker.photograph("krita-preview-1-to-1")
    detail = "panel().preview._model"
    docker.execute(
        "panel().preview.set_mode('before')\nQApplication.processEvents()\nseen_ = panel().preview.grab().toImage()"
    )
    docker.execute(
        "view = panel().preview.viewport\nbox = view.visible()\n"
        "pixel = lambda image, x, y: QColor(image.pixel(x, y)).getRgb()[:3]\n"
        "raw = content(layer(layers()[0]))\n"
        "own = lambda x, y: tuple(reversed(raw[4 * (960 * y + x):][:3]))"
    )
    assert (
        detail
        and docker.execute(
            "area = view.to_area(box)\n"
            "max(abs(a - b) for x in range(20, 200, 9) for y in range(20, 200, 9)"
            " for a, b in zip(pixel(seen_, area.left + x, area.top + y), own(box.left + x, box.top + y)))"
        )
        <= 2
    ), "at 1:1 the original is the layer's own pixels"


KEYS = {
    "velatura_stronger": ("strength", 55.0),
    "velatura_weaker": ("strength", 45.0),
    "velatura_larger_strokes": ("stroke_size", 1.25),
    "velatura_smaller_strokes": ("stroke_size", 0.75),
    "velatura_next_quality": ("quality", "best"),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_command_with_a_shortcut_of_its_own_moves_a_setting(docker, name):
    setting, value = KEYS[name]
    docker.execute("from velatura.settings import StyleSettings\ndock.controls.set_settings(StyleSettings())")
    docker.execute(f"K.action({name!r}).trigger()")
    docker.wait_for(f"dock.settings().{setting} == {value!r}", PATIENCE, "the setting")


def test_live_and_the_preview_can_be_switched_by_keyboard(docker):
    docker.execute("K.action('velatura_live').trigger()")
    docker.wait_for("controller().live.enabled and dock.live.isChecked()", PATIENCE, "live")
    docker.execute("K.action('velatura_live').trigger()")
    docker.wait_for("not controller().live.enabled and not dock.live.isChecked()", PATIENCE, "the end of live")
    docker.execute("K.action('velatura_preview').trigger()")
    docker.wait_for("not controller().drafts.enabled and not dock.drafts.isChecked()", PATIENCE, "no drafts")
