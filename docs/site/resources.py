"""What a browser fetches by itself when it shows a page. Links that are followed by hand may go anywhere."""

from __future__ import annotations

import re

ADDRESS = r"""["']?(?:https?:)?//"""
LINK_KINDS = "stylesheet|icon|preload|preconnect|dns-prefetch"
FETCHED = (
    re.compile(rf"<(?:script|img|iframe|source|audio|video|embed)[^>]*\ssrc={ADDRESS}[^>]*>"),
    re.compile(rf"<link(?=[^>]*rel=[\"']?(?:{LINK_KINDS}))[^>]*href={ADDRESS}[^>]*>"),
    re.compile(rf"@import\s+{ADDRESS}[^;]*"),
    re.compile(rf"url\({ADDRESS}[^)]*\)"),
)


def fetched(text: str) -> list[str]:
    """The places in a page or a style sheet that fetch something from elsewhere."""
    return [found[0] for pattern in FETCHED for found in pattern.finditer(text)]
