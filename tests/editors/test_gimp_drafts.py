"""Tests of quick drafts in the dialog of a real GIMP."""

from __future__ import annotations

import pytest

from tests.editors.session import PATIENCE

DRAFTED = "window().preview.has_preview and not controller().drafts.running and controller().drafts._done is not None"
SHOWN = "bytes(window().preview.shown.get_pixels())"


@pytest.fixture
def drafting(user, request):
    """A user with the dialog open, a style chosen and drafts switched on. Its parameter: another picture."""
    user.open_picture(getattr(request, "param", "harbour.png"))
    user.open_dialog("Night swirls", quality="good")
    user.dialog("window().dialog.resize(1000, 760)\nwindow().drafts.set_active(True)")
    user.wait(DRAFTED, "a draft")
    yield user
    user.dialog("controller().cancel()\nwindow().drafts.set_active(False)")
    user.close()


def test_a_chosen_style_and_a_changed_setting_are_drafted_by_themselves(drafting):
    drafting.gimp.photograph("s-gimp-draft")
    drafting.dialog(f"before = {SHOWN}\nchange('strength', 95)")
    drafting.wait(f"{DRAFTED} and controller().drafts._done[-1].strength == 95", "the next draft")
    difference = f"sum(abs(a - b) for a, b in zip(before[::97], {SHOWN}[::97])) / len(before[::97])"
    drafting.wait(f"{difference} > 3", "the preview to show it")
    assert len(drafting.execute("[l.get_name() for l in image().get_layers()]")) == 1, "a draft is no layer"


def test_no_draft_is_made_while_a_restyle_runs_and_it_can_be_switched_off(drafting):
    drafting.dialog("set_up(iterations=20000)\nclick('Restyle')")
    drafting.wait("'Scale' in message()", "the restyle")
    drafting.dialog("change('strength', 81)")
    drafting.wait("controller().current.settings.strength == 81", "the change")
    assert not drafting.dialog("controller().drafts.running")
    drafting.dialog("controller().cancel()")
    drafting.wait("not busy()", "the cancel")
    drafting.dialog("window().drafts.set_active(False)\nchange('strength', 40)")
    assert drafting.dialog("controller().drafts._timer._id") == 0, "no draft is about to begin"


@pytest.mark.parametrize("drafting", ["large.png"], indirect=True)
def test_zoomed_in_the_visible_part_is_drafted_in_its_own_pixels(drafting):
    drafting.dialog("window().preview.one_to_one()")
    drafting.wait("window().preview.detail_wanted() is None and not controller().drafts.running", "the visible part")
    drafting.gimp.photograph("s-gimp-1-to-1")
    assert drafting.dialog("window().preview._model.viewport.zoom") == 1.0


def test_a_draft_keeps_to_the_selection(drafting):
    drafting.execute("image().select_rectangle(Gimp.ChannelOps.REPLACE, 80, 50, 60, 50)\nGimp.displays_flush()")
    drafting.gimp.wait_for("'Selection' in window().target.get_text()", PATIENCE, "the selection", drafting.gimp.dialog)
    drafting.wait(DRAFTED, "a draft")
    # The corner belongs to the context around the selection, which stays as it is.
    assert drafting.dialog(
        "one, other = window().preview._model._before.whole, window().preview.shown\n"
        "corner = lambda p: list(p.get_pixels()[:3])\n"
        "max(abs(a - b) for a, b in zip(corner(one), corner(other))) <= 6"
    )
    drafting.execute("Gimp.Selection.none(image())")
