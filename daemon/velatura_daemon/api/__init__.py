"""Velatura in notebooks and scripts, without a daemon: pictures from files or arrays, a network, and `stylise`.

The shortest use::

    for progress in stylise(Picture.open("photo.jpg"), [Picture.open("painting.jpg")], StyleSettings(), load_network()):
        print(f"{progress.done:.0%}")
    progress.picture.save("restyled.png")
"""

from velatura.settings import StyleSettings
from velatura_daemon.api.picture import Picture
from velatura_daemon.api.restyling import Progress, Style, load_network, restyle, restyle_frames, stylise

__all__ = [  # not translated: names
    "Picture",
    "Progress",
    "Style",
    "StyleSettings",
    "load_network",
    "restyle",
    "restyle_frames",
    "stylise",
]
