"""The build id: a hash of the source files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

# Without translations, which are shown by the client: a daemon with other ones is as good.
CODE = ("*.py", "*.velatura-preset")


def build_of(*folders: Path, patterns: Sequence[str] = CODE) -> str:
    """Return the build id of these packages: 16 hexadecimal digits of a hash over their files of these patterns.

    An idle daemon of another build than the client's is replaced.
    """
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for pattern in patterns for path in folder.rglob(pattern)):
            digest.update(str(path.relative_to(folder)).encode() + b"\\0" + path.read_bytes() + b"\\0")
    return digest.hexdigest()[:16]
