"""Tests in Krita on a screen: errors, cancelling, changes during a restyle, and recovering results."""

from __future__ import annotations

import json
import os
import signal

from tests.editors.krita_session import activate, differing, open_picture, restyle, seen
from tests.editors.session import PATIENCE
from tests.editors.user_home import start_daemon, velatura


def test_an_unreadable_file_is_reported_and_the_report_can_be_copied(krita):
    open_picture(krita)
    krita.execute("set_up()")
    krita.execute(f"panel().gallery.add_files([{str(krita.home / 'broken.png')!r}])")
    krita.wait_for("'broken.png' in message() and 'Choose another' in message()", PATIENCE, "the error")
    krita.execute("click('copy_report')")
    copied = krita.execute("QApplication.clipboard().text()")
    assert "Krita 5." in copied
    assert "PyzmqDealer" in copied
    assert str(krita.home) not in copied


def test_an_empty_selection_is_reported_and_nothing_changes(krita):
    open_picture(krita)
    krita.execute("set_up()\nselect(400, 400, 20, 20)")
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    before = krita.execute("layers()")
    krita.execute("click('start')")
    assert "The selection does not overlap" in krita.execute("message()")
    assert krita.execute("layers()") == before


def test_cancel_midway_leaves_the_document_unchanged_and_frees_the_daemon(krita):
    open_picture(krita)
    before = krita.execute("snapshot()")
    krita.execute("set_up(quality='good', iterations=20000)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    krita.execute("click('cancel')")
    assert "Cancelled" in krita.execute("message()")
    krita.wait_for("not busy()", PATIENCE, "the window to be idle")
    assert not json.loads(velatura(krita.home, "daemon", "status", "--json"))["jobs"]
    assert krita.execute("snapshot()") == before
    assert krita.execute("undo_text()") == ""
    krita.execute("set_up()")  # so that the remembered settings are quick


def test_a_result_that_arrives_after_the_cancel_makes_no_layer(krita):
    open_picture(krita)
    before = krita.execute("layers()")
    krita.execute(
        "set_up(iterations=20)\nsession = controller().session\nreal = session.cancel\nsession.cancel = lambda job: None  # as if it arrived too late"
    )
    krita.execute("finished = []\non_event('on_finished', lambda: finished.append(1))\nclick('start')")
    krita.wait_for("controller().current.job != ''", PATIENCE, "the job to be sent")
    krita.execute("click('cancel')")
    krita.wait_for("finished", PATIENCE, "the result")
    krita.execute("session.cancel = real\nQTest.qWait(500)")
    assert krita.execute("layers()") == before
    assert "Cancelled" in krita.execute("message()")


def test_a_document_closed_before_it_was_read_is_reported(krita):
    open_picture(krita)
    krita.execute("set_up()\nclick('start')\nd = doc()\nd.setModified(False)\nd.close()")
    krita.wait_for("not busy()", PATIENCE, "the window to be idle")
    assert "closed before it was read" in krita.execute("message()")
    assert not krita.execute("visible('open_image')")


def test_a_setting_changed_midway_applies_to_the_running_restyle(krita):
    open_picture(krita)
    krita.execute("set_up(quality='good', iterations=20000)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    krita.execute("change('strength', 80)\nchange('iterations', 10)")
    krita.wait_for("not busy()", PATIENCE, "the restyle")
    assert krita.execute("layers()")[1:] == ["Night swirls 80 %"]
    assert krita.execute("controller().current.finished.result.started_from") == "last"


def test_restyle_again_by_its_shortcut_adds_the_next_result_above_the_last(krita):
    open_picture(krita)
    source = krita.execute("layers()")[0]
    restyle(krita)
    krita.wait_for(f"doc().activeNode().name() == {source!r}", PATIENCE, "the source to be active again")
    krita.execute("window().close()\nK.activeWindow().qwindow().activateWindow()")
    krita.wait_for("K.activeWindow().qwindow().isActiveWindow()", PATIENCE, "Krita's window to be active")
    krita.run("xdotool", "key", "--clearmodifiers", "ctrl+alt+shift+p")
    krita.wait_for("len(layers()) == 3", PATIENCE, "the second layer")
    assert krita.execute("window() is None")
    krita.execute("undo()\nundo()")
    assert krita.execute("layers()") == [source]


def test_if_the_document_is_closed_midway_the_result_becomes_a_new_document(krita):
    open_picture(krita)
    krita.execute("set_up(quality='good', iterations=40)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    krita.execute("d = doc()\nd.setModified(False)\nd.close()")
    krita.wait_for("window() is not None and visible('open_image')", PATIENCE, "the button")
    assert "can be opened as a new image" in krita.execute("message()")
    krita.execute("click('open_image')")
    krita.wait_for("doc() is not None and layers() == ['Night swirls 50 %']", PATIENCE, "the new document")
    assert krita.execute("[doc().width(), doc().height()]") == [256, 192]
    assert krita.execute("len(set(content(doc().topLevelNodes()[0]))) > 100")


def test_if_the_layer_is_deleted_midway_the_result_becomes_a_new_document(krita):
    open_picture(krita)
    krita.execute(
        "extra = doc().createNode('other', 'paintlayer')\ndoc().rootNode().addChildNode(extra, None)\nfirst = doc().topLevelNodes()[0]"
    )
    activate(krita, krita.execute("first.name()"))
    krita.execute("set_up(quality='good', iterations=40)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    krita.execute("first.remove()\ndoc().refreshProjection()")
    krita.wait_for("visible('open_image')", PATIENCE, "the button")
    assert krita.execute("layers()") == ["other"]


def test_closing_the_main_window_with_ours_leaves_the_restyle_running(krita):
    open_picture(krita)
    krita.execute("set_up(quality='draft', iterations=60)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    krita.execute("from PyQt5 import sip\nsip.delete(window())")  # as Qt does with the children of a closed window
    krita.execute("menu('Filter', 'Velatura', 'Restyle…')")
    krita.wait_for("window() is not None and 'Scale' in message()", PATIENCE, "the new window to show the progress")
    assert krita.execute("busy()")
    krita.wait_for("not busy()", PATIENCE, "the restyle")
    assert krita.execute("layers()")[1:] == ["Night swirls 50 %"]


def test_a_killed_daemon_is_reported_and_the_next_restyle_works(krita):
    open_picture(krita)
    krita.execute("set_up(quality='good', iterations=20000)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    pid = json.loads(velatura(krita.home, "daemon", "status", "--json"))["pid"]
    kill(pid)
    krita.wait_for("not busy() and 'estyle again' in message()", PATIENCE, "the error")
    assert krita.execute("visible('copy_report')")
    assert restyle(krita) == "Night swirls 50 %"
    velatura(krita.home, "daemon", "stop")  # the one that Krita started in its own namespace
    start_daemon(krita.home)


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def kill_midway(krita, **settings):
    """Starts a restyle, and kills the daemon once a checkpoint is saved."""
    velatura(krita.home, "results", "drop", "--all")  # of earlier tests
    pid = json.loads(velatura(krita.home, "daemon", "status", "--json"))["pid"]
    arguments = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    krita.execute(f"set_up({arguments})\nclick('start')")
    krita.wait_until(
        lambda: list((krita.home / "velatura/state/checkpoints").glob("*.record")), PATIENCE, "the checkpoint"
    )
    kill(pid)
    krita.wait_for("not busy() and 'estyle again' in message()", PATIENCE, "the error")
    start_daemon(krita.home)  # outside of Krita's namespace


def test_after_a_killed_daemon_a_restyle_can_be_resumed_stopped_and_inserted_in_its_place(krita):
    open_picture(krita)
    restyle(krita, style="Ember waves")
    open_picture(krita, "large.png")
    krita.execute("select(200, 160, 400, 300, feather=20)")
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    kill_midway(krita, quality="good", iterations=0)
    assert "can be recovered" in krita.execute("panel().saved.text()")
    selected = bytes.fromhex(krita.execute("selected().hex()"))
    krita.execute("doc().setSelection(None)\nQApplication.processEvents()\nclick('recover')")
    krita.wait_for(
        "results() is not None and len(listed()) == 1 and listed('history list')[:1] not in ([], [['There are no restyles yet.']])",
        PATIENCE,
        "the lists",
    )
    (lines,) = krita.execute("listed()")
    assert lines[0].startswith("Background") or "large.png" in lines[0]
    assert lines[1] == "Night swirls 50 %"
    assert lines[2].startswith("stopped at ")
    krita.execute("window().hide()\nresults().move(640, 160)")
    krita.execute("press('resume')")
    krita.wait_for(
        "'Scale' in results().message.text() and results().preview.isVisible()", PATIENCE, "the restyle to continue"
    )
    krita.photograph("krita-results")
    krita.execute("press('stop')")
    krita.wait_for(
        "len(listed()) == 1 and 'Stopped' in results().message.text()", PATIENCE, "the list to show it again"
    )
    krita.wait_until(
        lambda: not json.loads(velatura(krita.home, "daemon", "status", "--json"))["jobs"],
        PATIENCE,
        "the daemon to be free",
    )
    before, own, tree = seen(krita), krita.execute("layers()"), krita.execute("snapshot()")
    krita.execute("press('insert')")
    krita.wait_for("len(layers()) == 2 and 'new layer' in results().message.text()", PATIENCE, "the layer")
    assert krita.execute("layers()") == [*own, "Night swirls 50 %"]
    krita.wait_for(f"doc().activeNode().name() == {own[0]!r}", PATIENCE, "the active layer to stay active")
    krita.wait_for("doc().tryBarrierLock() and (doc().unlock() or True)", PATIENCE, "Krita to be idle")
    changed = differing(krita, before, seen(krita), (960, 720))
    assert not [1 for c, s in zip(changed, selected, strict=True) if c and s == 0]
    inside = [c for c, s in zip(changed, selected, strict=True) if s > 128]
    assert sum(inside) > 0.8 * len(inside)
    krita.wait_for("listed() == []", PATIENCE, "the list to be empty")
    krita.execute("undo()")
    assert krita.execute("snapshot()") == tree
    krita.execute("results().close()")


def test_a_stopped_restyle_can_be_resumed_to_its_end(krita):
    open_picture(krita)
    kill_midway(krita, quality="good", iterations=30)
    krita.execute("window().close()\nmenu('Filter', 'Velatura', 'Results and history…')")
    krita.wait_for("results() is not None and len(listed()) == 1", PATIENCE, "the list")
    krita.execute("press('resume')")
    krita.wait_for("len(layers()) == 2 and 'new layer' in results().message.text()", PATIENCE, "the layer")
    assert krita.execute("listed()") == []
    krita.execute("results().close()")
    activate(krita, "Night swirls 50 %")
    krita.execute("menu('Filter', 'Velatura', 'Edit this restyle…')")
    krita.wait_for("window() and 'Editing' in panel().target.text()", PATIENCE, "the recovered layer to be edited")
    assert krita.execute("panel().settings().iterations") == 30


def test_the_settings_and_styles_of_a_past_restyle_can_be_used_again(krita):
    open_picture(krita)
    restyle(krita, style="Mosaic", strength=64, keep_colours="palette")
    restyle(krita, style="Woodcut", strength=20, keep_colours="off")
    krita.execute("menu('Filter', 'Velatura', 'Results and history…')")
    latest = "[lines[1].split(',')[0] for lines in listed('history list')[:2] if len(lines) > 1]"
    krita.wait_for(f"results() is not None and {latest} == ['Woodcut 20 %', 'Mosaic 64 %']", PATIENCE, "the list")
    krita.execute("results().tabs.setCurrentIndex(1)\nresults().history_list.setCurrentRow(1)\npress('use_again')")
    krita.wait_for("results() is None and 'that restyle' in message()", PATIENCE, "the window")
    assert krita.execute("[s.name for s in panel().chosen_styles()]") == ["Mosaic"]
    assert krita.execute("[panel().settings().strength, panel().settings().keep_colours]") == [64, "palette"]
    krita.execute("change('keep_colours', 'off')")


def test_without_a_document_a_recovered_result_becomes_a_new_document(krita):
    open_picture(krita)
    kill_midway(krita, quality="good", iterations=30)
    krita.execute("window().close()\nclose_all()\nmenu('Filter', 'Velatura', 'Results and history…')")
    krita.wait_for("results() is not None and len(listed()) == 1", PATIENCE, "the list")
    krita.execute("press('insert')")
    krita.wait_for("doc() is not None and layers() == ['Night swirls 50 %']", PATIENCE, "the document")
    krita.execute("results().close()")


def test_krita_can_be_closed_with_a_job_running_and_the_daemon_drops_it(krita):
    open_picture(krita)
    krita.execute("set_up(quality='good', iterations=20000)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    krita.execute("quit_krita()")
    krita.process.wait(PATIENCE)
    assert not json.loads(velatura(krita.home, "daemon", "status", "--json"))["jobs"]
