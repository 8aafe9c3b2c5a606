"""The daemon's wheel: which one a plugin carries, and what its file says."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

import velatura
from velatura.errors import SetUpImpossible
from velatura.i18n import lazy_text

EXTRAS = ("film",)  # the editors' windows restyle animations
_EXTRA = re.compile(r"""(?: *;| and) *extra *== *['"]([\w-]+)['"]$""")
CARRIED_WHEELS = "wheel"  # the folder in a plugin's carried/, beside lib/


@dataclass(frozen=True)
class Wheel:
    """A wheel of Velatura. version: of Velatura. needs: its dependencies, as pip understands them, with those of
    EXTRAS."""

    path: Path
    version: str
    needs: tuple[str, ...]


def carried_wheel(package: Path | None = None) -> Path | None:
    """Return the wheel beside this `velatura`, as a plugin carries it, or None. package: the folder of `velatura`."""
    package = package or Path(velatura.__file__).parent
    wheels = sorted((package.parents[1] / CARRIED_WHEELS).glob("velatura-*.whl"))
    return wheels[0] if wheels else None


def read_wheel(path: Path) -> Wheel:
    """Read what a wheel says about itself. Raises SetUpImpossible if it is damaged or of another program."""
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
            (about,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            fields = Parser().parsestr(archive.read(about).decode())
    except Exception as error:  # zipfile passes on whatever its decompressors raise
        raise SetUpImpossible(
            lazy_text(
                "{path} cannot be used ({why}). Install the plugin again, from a new download.",
                path=path,
                why=str(error),
            )
        ) from error
    name, version = fields["Name"], fields["Version"]  # not translated: fields of a file
    if bad or name != "velatura" or not version:
        raise SetUpImpossible(
            lazy_text(
                "{path} is damaged or is not a Velatura wheel. Install the plugin again, from a new download.",
                path=path,
            )
        )
    needs = [_EXTRA.split(need) for need in fields.get_all("Requires-Dist", [])]  # requirement, extra, ''
    return Wheel(path, version, tuple(need for need, *extra in needs if not extra or extra[0] in EXTRAS))
