"""Copies the screenshots of the last run that a page shows to docs/, scaled to the width of a page."""

from __future__ import annotations

from PIL import Image

from tests.editors.session import CLONE

WIDTH = 1280  # pixels

PAGES = "".join(page.read_text() for page in (CLONE / "README.md", *(CLONE / "docs").glob("*.md")))
for shot in sorted((CLONE / "editors-out").glob("*.png")):
    if f"{shot.stem}.jpg" not in PAGES:
        continue  # only to be looked at
    image = Image.open(shot).convert("RGB")
    image = image.resize((WIDTH, image.height * WIDTH // image.width), Image.Resampling.LANCZOS)
    image.save(CLONE / "docs" / f"{shot.stem}.jpg", quality=88)
    print(f"docs/{shot.stem}.jpg")
