"""PyAV, which reads and writes films with FFmpeg's libraries. It belongs to the extra `film`."""

from __future__ import annotations

from typing import Any

from velatura.errors import NotInstalled
from velatura.i18n import lazy_text


def pyav() -> Any:
    """Return the module `av`. Raises NotInstalled if it is not installed."""
    try:
        import av
    except ImportError as error:
        raise NotInstalled(
            lazy_text(
                "Films are read and written with PyAV, which is not installed. Run pip install 'velatura[film]'. "
                "Numbered frames and animated GIF, APNG and WebP pictures do not need it."
            )
        ) from error
    return av
