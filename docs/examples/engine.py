# %% [markdown]
# # Velatura from Python
# This script runs from top to bottom. VS Code, Spyder and Jupyter (with Jupytext) run its cells (`# %%`) one by one.
# It restyles with the engine in this process first, then through the daemon.
# Results are saved in `velatura-example`. `VELATURA_EXAMPLE_SIZE=192` makes them smaller, and the script quicker.

# %%
from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from velatura.client.client import Client
from velatura.client.events import Finished
from velatura.protocol import messages
from velatura_daemon.api import Picture, Style, StyleSettings, load_network, restyle, restyle_frames, stylise
from velatura_daemon.samples import draw

SIZE = int(os.environ.get("VELATURA_EXAMPLE_SIZE", "384"))  # pixels, the longest side
OUT = Path("velatura-example")
OUT.mkdir(exist_ok=True)

# %% [markdown]
# ## Pictures
# A picture comes from a file or from an array (height, width, 3). A notebook shows it if it is the last line of a cell.

# %%
photo = Picture.from_array(draw("harbour_town", SIZE, SIZE * 3 // 4))
photo.save(OUT / "photo.png")
photo = Picture.open(OUT / "photo.png")  # longest_side=1024 would make a large file smaller

night = Picture.from_array(draw("night_swirls", SIZE, SIZE))
poppies = Picture.from_array(draw("poppy_field", SIZE, SIZE))
photo

# %% [markdown]
# ## Settings and the network
# Settings are checked when they are made: a wrong name or value raises an error that says what is allowed.
# `?StyleSettings` lists all of them.

# %%
settings = StyleSettings(quality="draft", strength=60)
network = load_network()  # device="cuda:1", "cpu", …; without one, the fastest
print(settings, network.device, network.precision.dtype)

# %% [markdown]
# ## A restyle, step by step
# `stylise` yields after each step. The picture can be looked at at any time; to stop early, leave the loop.

# %%
for progress in stylise(photo, night, settings, network):
    if progress.step == 0:
        print(f"scale {progress.level + 1} of {progress.levels}: {tuple(progress.image.shape[1:])}")
    print(f"{progress.done:4.0%}  loss {float(progress.losses.total):.4g}")
restyled = progress.picture
restyled.save(OUT / "restyled.png")
restyled

# %% [markdown]
# ## Strengths compared
# `restyle` returns the finished result. `replace` changes single settings.

# %%
strengths = [restyle(photo, night, replace(settings, strength=strength), network) for strength in (20, 60, 100)]
compared = Picture.from_array(np.hstack([photo.to_array(), *(picture.to_array() for picture in strengths)]))
compared.save(OUT / "strengths.png")
compared

# %% [markdown]
# ## A mask
# Only where the mask is 1 (or `True`, or 255) does the picture change. Soft edges blend.

# %%
rows, columns = np.mgrid[: photo.height, : photo.width]
distance = np.hypot(rows - photo.height / 2, columns - photo.width / 2) / (photo.height / 2)
spot = np.clip(3 * (1 - distance), 0, 1).astype(np.float32)  # (height, width), 0 to 1
masked = restyle(photo, night, settings, network, mask=spot)
masked.save(OUT / "mask.png")
masked

# %% [markdown]
# ## Two styles
# Mixed three to one everywhere; then one to the left and the other to the right, with a soft border.

# %%
mixed = restyle(photo, [Style(night, share=3), Style(poppies, share=1)], settings, network)
mixed.save(OUT / "mixed.png")

right = np.clip((columns / photo.width - 0.4) / 0.2, 0, 1).astype(np.float32)
divided = restyle(photo, [Style(night, region=1 - right), Style(poppies, region=right)], settings, network)
divided.save(OUT / "regions.png")
divided

# %% [markdown]
# ## Frames of a film
# Each frame follows the results before it, so that strokes move with what they are on. This needs OpenCV:
# `pip install "velatura[film]"`. Here a camera pans over the photo.

# %%
wide, step = photo.to_array(), max(1, SIZE // 96)
shot = [Picture.from_array(wide[:, n * step : n * step + SIZE * 3 // 4]) for n in range(3)]
film = list(restyle_frames(shot, night, replace(settings, steadiness=75), network))
for number, frame in enumerate(film):
    frame.save(OUT / f"frame_{number:04}.png")

# The same for a single frame: what it follows are pairs of a frame and its result, the nearest first.
again = restyle(shot[2], night, settings, network, previous=[(shot[1], film[1]), (shot[0], film[0])])

# %% [markdown]
# ## Through the daemon
# The daemon keeps the network loaded, queues jobs, and serves the editors as well. If it is not running, it is started.
# The client takes and returns `Picture.pixels`.

# %%
with Client("notebook") as client:
    job = client.restyle(photo.pixels, [(night.pixels, 1.0)], settings)
    for event in client.events(job):
        match event:
            case messages.Progress():
                print(f"{event.done:4.0%}, {event.seconds_left:.0f} s left")
            case messages.Preview():  # small, RGB
                samples = np.frombuffer(event.data, np.uint8).reshape(event.height, event.width, 3)
                preview = Picture.from_array(samples)
            case messages.Failed():
                raise RuntimeError(event.sentence)
            case Finished():
                from_daemon = Picture(event.picture)
from_daemon.save(OUT / "from-daemon.png")
from_daemon
