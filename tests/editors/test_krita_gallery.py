"""Tests of the gallery in a real Krita: groups, favourites, folders, search, keys, and images from a web browser."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.editors.krita_session import open_picture
from tests.editors.reporting import MEASUREMENTS
from tests.editors.session import PATIENCE
from tests.editors.web_site import ImageSite

GROUPS = "[g.title for g in panel().gallery.groups()]"
CHOSEN = "sorted(s.name for s in panel().gallery.chosen())"
SHOWN = "[i.text() for i in panel().gallery.list.items() if not i.isHidden()]"
SEARCH = "panel().gallery.search"
DROP = """
mime = QMimeData()
{fill}
for kind in (QDragEnterEvent, QDropEvent):
    position = QPoint(20, 20) if kind is QDragEnterEvent else QPointF(20, 20)
    event = kind(position, Qt.CopyAction, mime, Qt.LeftButton, Qt.NoModifier)
    QApplication.sendEvent(panel(), event)
    assert event.isAccepted()
"""


@pytest.fixture
def site():
    with ImageSite() as site:
        yield site


@pytest.fixture
def folder(krita):
    """A folder of pictures, and of files that are none."""
    folder = krita.home / "Paintings of mine"
    folder.mkdir()
    for number in (1, 2, 10):
        shutil.copy(krita.home / "harbour.png", folder / f"study {number}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")
    (folder / "notes.txt").write_text("not a picture")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def gallery_as_at_first(krita):
    open_picture(krita)
    krita.execute("set_up(style=None)")
    yield
    krita.execute(
        "c = controller()\nwindow() and c._restyle_window.panel.gallery.clear_search()\n"
        "s = c.ui_state\nfor part in (s.recent, s.removed, s.favourites, s.folders, s.names, s.sample_order):\n    part.clear()\n"
        "c._restyle_window.panel.gallery._new.clear()\nc._restyle_window.panel.gallery.fill(s, [])\nc.save_ui_state()\nwindow() and window().close()"
    )


def drop(krita, fill):
    krita.execute(DROP.format(fill=fill))


def test_a_favourite_is_a_group_above_the_others_and_survives_the_window(krita):
    krita.execute(
        "own = panel().gallery\nstyle = next(i.data(Qt.UserRole) for i in own._items() if i.text() == 'Woodcut')\n"
        "next(a for a in own.item_menu(style).actions() if 'Add to favourites' in a.text()).trigger()"
    )
    assert krita.execute(GROUPS)[0] == "Favourites"
    assert krita.execute("gallery()[0]") == "Woodcut"
    assert krita.execute("gallery().count('Woodcut')") == 1
    saved = krita.home / "velatura/config/window-krita.json"
    krita.wait_until(
        lambda: saved.exists() and [one["name"] for one in json.loads(saved.read_text())["favourites"]] == ["Woodcut"],
        PATIENCE,
        "the file",
    )
    krita.execute(
        "style = next(i.data(Qt.UserRole) for i in own._items() if i.text() == 'Woodcut')\n"
        "next(a for a in own.item_menu(style).actions() if 'Remove from favourites' in a.text()).trigger()"
    )
    assert "Favourites" not in krita.execute(GROUPS)


def test_a_folder_of_paintings_becomes_a_group_and_shows_what_is_added_later(krita, folder):
    krita.execute(f"panel().gallery.add_folder({str(folder)!r})")
    krita.wait_for("'Study 10' in gallery()", PATIENCE, "the folder's pictures")
    krita.wait_for("'Broken' not in gallery()", PATIENCE, "the broken file to be left out")
    assert krita.execute("gallery()[-3:]") == ["Study 1", "Study 2", "Study 10"]
    krita.execute("panel().gallery.list.verticalScrollBar().setValue(9999)")
    krita.wait_for(
        "not panel().gallery.list.items()[-1].icon().pixmap(84, 84).toImage().allGray()", PATIENCE, "the thumbnails"
    )
    krita.execute("pick('Study 2')")
    krita.photograph("krita-gallery-folder")
    shutil.copy(krita.home / "grey.png", folder / "study 3.png")
    krita.execute("window().close()\nset_up(style=None)")
    krita.wait_for("gallery()[-4:] == ['Study 1', 'Study 2', 'Study 3', 'Study 10']", PATIENCE, "the new picture")
    assert krita.execute(CHOSEN) == ["Study 2"]
    shutil.rmtree(folder)
    krita.execute("window().close()\nset_up(style=None)")
    krita.wait_for(
        "any(label.text() == 'This folder does not exist.' for label in window().findChildren(QLabel))",
        PATIENCE,
        "the note",
    )
    krita.execute("click('remove folder Paintings of mine')")
    assert "Paintings of mine" not in krita.execute(GROUPS)


def test_the_search_shows_what_fits_and_escape_clears_it_before_it_closes_the_window(krita):
    krita.execute("pick('Mosaic')\nwindow().activateWindow()\npanel().gallery.list.setFocus()")
    window = krita.execute("int(window().winId())")
    krita.run("xdotool", "windowactivate", "--sync", str(window), "key", "ctrl+f", "type", "SWirl")
    krita.wait_for(f"{SHOWN} == ['Night swirls']", PATIENCE, "the search")
    assert not krita.execute(f"{SEARCH}.visibleRegion().isEmpty()")  # although the column was scrolled
    assert krita.execute(CHOSEN) == ["Mosaic"]  # it is only hidden
    krita.photograph("krita-gallery-search")
    krita.run("xdotool", "key", "Down", "Return")
    krita.wait_for(f"{CHOSEN} == ['Night swirls']", PATIENCE, "the choice by keys")
    krita.run("xdotool", "key", "Escape")
    krita.wait_for(f"{SEARCH}.text() == '' and window() is not None", PATIENCE, "the search to be cleared")
    assert len(krita.execute(SHOWN)) == len(krita.execute("gallery()"))
    krita.run("xdotool", "key", "Escape")
    krita.wait_for("window() is None", PATIENCE, "the window to close")


def test_a_search_without_a_match_says_so(krita):
    krita.execute(f"{SEARCH}.setText('zebra')")
    assert krita.execute(SHOWN) == []
    assert (
        krita.execute("widget('no match').isVisible() and widget('no match').text()") == "No style is called “zebra”."
    )


def test_arrows_skip_headings_and_the_space_bar_adds_a_style(krita):
    krita.execute("pick('Mosaic')\nwindow().activateWindow()\npanel().gallery.list.setFocus()")
    window = krita.execute("int(window().winId())")
    krita.run("xdotool", "windowactivate", "--sync", str(window), "key", "ctrl+Right", "space")
    krita.wait_for(f"len({CHOSEN}) == 2 and 'Mosaic' in {CHOSEN}", PATIENCE, "the second style")
    krita.run("xdotool", "key", "Home", "Up", "Up")
    krita.wait_for("panel().gallery.list.currentItem().data(Qt.UserRole) is not None", PATIENCE, "a style")


def test_an_image_dropped_by_a_browser_is_taken_as_it_is(krita, site):
    picture = repr(str(krita.home / "harbour.png"))
    drop(krita, f"mime.setImageData(QImage({picture}))\nmime.setUrls([QUrl({site.url('/sun.png')!r})])")
    krita.wait_for(f"{CHOSEN} == ['Dropped image']", PATIENCE, "the dropped image")
    assert site.paths == []
    pixels = "QImage(panel().gallery.chosen()[0].path).convertToFormat(QImage.Format_RGB32) == QImage({0}).convertToFormat(QImage.Format_RGB32)"
    assert krita.execute(pixels.format(picture))


def test_a_dropped_link_to_an_image_is_fetched_and_named_after_its_file(krita, site):
    page, image = site.url("/page"), site.url("/la_nuit.png?width=900")
    drop(krita, f'mime.setUrls([QUrl({page!r})])\nmime.setHtml(\'<a href="{page}"><img src="{image}"></a>\')')
    krita.wait_for(f"{CHOSEN} == ['La nuit']", PATIENCE, "the fetched image")
    assert site.paths == ["/la_nuit.png?width=900"]
    assert krita.execute("QImage(panel().gallery.chosen()[0].path).width()") == site.width


def test_an_address_on_the_clipboard_is_pasted(krita, site):
    krita.execute(f"QApplication.clipboard().setText({site.url('/sea.png')!r})\nclick('paste')")
    krita.wait_for(f"{CHOSEN} == ['Sea']", PATIENCE, "the pasted image")


def test_a_dropped_page_that_is_no_image_has_a_sentence(krita, site):
    drop(krita, f"mime.setUrls([QUrl({site.url('/page')!r})])")
    krita.wait_for("'did not send a readable image' in message()", PATIENCE, "the sentence")
    krita.photograph("krita-gallery-not-an-image")


def test_hundreds_of_pictures_show_the_visible_ones_at_once(krita, folder):
    for number in range(100, 480):
        (folder / f"study {number}.png").hardlink_to(krita.home / "large.png")
    krita.execute(f"panel().gallery.add_folder({str(folder)!r})")
    krita.wait_for("'Study 479' in gallery()", PATIENCE, "the folder's pictures")
    seconds = krita.execute(
        "import time\nbegin = time.monotonic()\npanel().gallery.refresh()\ntime.monotonic() - begin"
    )
    MEASUREMENTS.append(f"Krita: showing a gallery of 390 styles anew took {1000 * seconds:.0f} ms")
    krita.execute("panel().gallery.list.scrollToItem(panel().gallery.list.items()[-1])")
    krita.wait_for(
        "panel().gallery.list._thumbnails.cached(panel().gallery.list.items()[-1].data(Qt.UserRole).path) is not None",
        PATIENCE,
        "the last thumbnail",
    )
    assert krita.execute("len(panel().gallery.list._thumbnails._cache)") < 120  # those between are not read


def test_the_compact_gallery_fits_into_a_narrow_docker(krita):
    krita.execute(
        "from velatura_krita.gallery import Gallery\nc = controller()\n"
        "narrow = Gallery(c.dirs, lambda: [], lambda: [], None, compact=True)\nnarrow.resize(200, 520)\n"
        "narrow.fill(c.ui_state, [])\nnarrow.setWindowTitle('narrow')\nnarrow.show()\n"
        "for item in narrow._items()[:2]:\n    item.setSelected(True)"
    )
    krita.wait_for(
        "all(narrow.list._thumbnails.cached(i.data(Qt.UserRole).path) for i in narrow._items()[:4])",
        PATIENCE,
        "thumbnails",
    )
    assert krita.execute("narrow.minimumSizeHint().width()") <= 200
    krita.execute("narrow.move(1300, 300)\nnarrow.raise_()")
    krita.photograph("krita-gallery-compact")
    columns = krita.execute("len({narrow.list.visualItemRect(i).x() for i in narrow._items()})")
    krita.execute("narrow.close()\nnarrow.deleteLater()")
    assert columns >= 2
