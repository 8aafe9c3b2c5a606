"""Job specs whose files lie in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conftest import QUICK, picture
from velatura.pixels import Picture
from velatura_daemon.jobs.spec import JobSpec, OutputPaths, PictureFile, StyleInput

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)


def spec_in(folder: Path, ticket: str = "7", **more: Any) -> JobSpec:
    """As the scheduler makes it."""

    def on_disk(one: Picture) -> PictureFile:
        path = folder / one.ref.blob.hex()
        path.write_bytes(one.data)
        return PictureFile(one.ref, path)

    values: dict[str, Any] = {
        "layer": "krita the duke's portrait",
        "content": on_disk(CONTENT),
        "styles": (StyleInput(on_disk(STYLE), 1.0),),
        "mask": None,
        "settings": QUICK,
        "outputs": OutputPaths(folder / "result", folder / "last", folder / "keep"),
    }
    return JobSpec(ticket, **{**values, **more})
