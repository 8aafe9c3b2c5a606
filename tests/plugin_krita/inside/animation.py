"""Restyles the frames of an animated layer with the given Qt in a stub of Krita, and prints what was seen as JSON.

argv: the Qt; the folder that contains `tests`.
"""

import importlib
import json
import sys
from collections.abc import Generator
from typing import Any

QT, TREE = sys.argv[1:]
QtWidgets = importlib.import_module(f"{QT}.QtWidgets")
app = QtWidgets.QApplication([])
sys.path.insert(0, TREE)
from tests.support import krita_stub  # noqa: E402

krita = krita_stub.install(QT)
from velatura_krita import canvas, qt  # noqa: E402
from velatura_krita.frame_row import FrameRow  # noqa: E402

from velatura.editor.frames import RANGE, FrameChoice  # noqa: E402
from velatura.editor.recipe import Recipe  # noqa: E402
from velatura.pixels import Picture  # noqa: E402
from velatura.settings import StyleSettings  # noqa: E402

seen: dict[str, Any] = {}


def run(steps: Generator[None, None, Any]) -> Any:
    """Runs one of the canvas's generators to its end. Returns its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def colour(layer: Any, time: int) -> list[int]:
    return list(layer.frames[time].pixelColor(0, 0).getRgb())


# a layer whose frames are of different colours
document = krita.open(8, 6)
source = document.add("Walk", "teal")
source.animate([0, 3, 4, 9])
for time, name in ((3, "red"), (4, "blue"), (9, "red")):
    source.frames[time].fill(qt.QColor(name))
document.time = 5
target = canvas.film_target()
seen["frames"] = [canvas.frame_times(target), canvas.frame_now(target), canvas.describe(canvas.current_target())]
keys = [canvas.target_key()]
document.time = 6
keys.append(canvas.target_key())
seen["scrubs"] = keys[0] != keys[1]

# all but the last frame
film = run(canvas.open_film(target, [0, 3, 4, 9]))
seen["size"], seen["read"] = film.size(), []
source.image.fill(qt.QColor("white"))  # the user paints meanwhile
for frame in (0, 3, 4):
    picture = run(film.read(frame)).picture
    seen["read"].append(list(bytes(picture.data[:4])))
    run(film.write(frame, Picture(8, 6, picture.format, bytes([frame, 9, 9, 255] * 48)), 0, 0))
run(film.repeat(4, 3))
seen["thumbnail"] = film.thumbnail(4).width()
placed = run(film.insert(Recipe.of("Walk restyled", StyleSettings(), [])))
film.close()
result = source.parentNode().childNodes()[1]
seen["result"] = [
    result.name(),
    sorted(result.frames),
    [colour(result, time) for time in (0, 3, 4, 9)],
    placed.is_layer,
]
seen["time"] = document.time
seen["documents"] = len(krita.documents())

# its document is closed meanwhile
film = run(canvas.open_film(target, [0, 3]))
run(film.write(3, Picture(8, 6, picture.format, bytes([1, 2, 3, 255] * 48)), 0, 0))
krita.opened.remove(document)
placed = run(film.insert(Recipe.of("Alone", StyleSettings(), [])))
film.close()
(opened,) = krita.opened
seen["alone"] = [placed.is_layer, [node.name() for node in opened.topLevelNodes()], opened.time]

# the widget
row = FrameRow(narrow=False)
row.show_frames([], 0)
seen["nothing offered"] = [row.isVisibleTo(None), row.choice().which]
row.show_frames([2, 5, 9], 5)
row.choose(FrameChoice(RANGE, 5, 9, 30.0))
choice = row.choice()
seen["chosen"] = [choice.which, choice.first, choice.last, choice.steadiness]
narrow = FrameRow(narrow=True)
narrow.show_frames([2, 5, 900], 5)
narrow.choose(FrameChoice(RANGE, 5, 9, 30.0))
seen["narrow width"] = narrow.minimumSizeHint().width()
print(json.dumps(seen))
