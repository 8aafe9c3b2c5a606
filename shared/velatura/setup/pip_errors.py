"""What pip and uv print when they fail, as a sentence that says what to do. The log has their own words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from velatura.i18n import lazy_text, sentences

RETRY = lazy_text("Set up again to continue where it stopped.")
BROKEN_OFF = sentences(lazy_text("The download was interrupted several times."), RETRY)
FULL = lazy_text("The disk is full. Free some space, then set up again; downloaded files are kept.")
# The first pattern that matches any line decides: causes before their effects.
PATTERNS = (  # not translated: what pip and uv print
    (r"No space left on device|Errno 28\b|Disk quota exceeded|Errno 122\b|Errno 27\b|File too large", FULL),
    (
        r"ProxyError|Cannot connect to proxy|Tunnel connection failed|[Pp]roxy [Aa]uthentication",
        sentences(
            lazy_text(
                "The proxy refuses the connection to the package index. Check the proxy settings of this machine: pip "
                "uses HTTPS_PROXY and pip.conf."
            ),
            RETRY,
        ),
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError|invalid peer certificate",
        sentences(
            lazy_text(
                "The certificate of the package index is not trusted. If your network inspects connections, name its "
                "certificate with 'pip config set global.cert FILE'."
            ),
            RETRY,
        ),
    ),
    (
        r"\b40[13] (?:Client Error|Unauthorized|Forbidden)",
        sentences(lazy_text("The package index refuses access. Check your login for it in pip.conf."), RETRY),
    ),
    (
        r"Name or service not known|name resolution|getaddrinfo failed|nodename nor servname|dns error|"
        r"No route to host|Network is unreachable|Connection refused|ConnectTimeout|NewConnectionError|"
        r"tcp connect error|error sending request",
        sentences(lazy_text("The package index cannot be reached. Check the internet connection."), RETRY),
    ),
    (
        r"IncompleteRead|IncompleteDownload|incomplete-download|Connection broken|Read timed out|ReadTimeout|"
        r"Connection reset|Connection aborted|ProtocolError|DO NOT MATCH THE HASHES|error decoding response|BadZipFile",
        BROKEN_OFF,
    ),
    (
        r"Permission denied|Errno 13\b|Read-only file system|Errno 30\b|Access is denied",
        lazy_text("The environment's folder is not writable. Give yourself write permission, then set up again."),
    ),
    (
        r"No matching distribution found for (?P<package>[\w.-]+)",
        lazy_text(
            "The package index has no {package} for this Python and this system. Install Python 3.12, or check the "
            "package index in pip.conf, then set up again."
        ),
    ),
    (
        r"No module named '?(?:pip|ensurepip|venv)\b|ensurepip is not available",
        lazy_text(
            "This Python cannot create environments. On Debian and Ubuntu, run 'sudo apt install python3-venv', then "
            "set up again."
        ),
    ),
    (
        r"MemoryError|Out of memory|Killed",
        sentences(lazy_text("There is not enough memory. Close other programs."), RETRY),
    ),
)


def explain(lines: Sequence[str]) -> str:
    """Return a sentence for what pip or uv has printed before it failed."""
    text = "\n".join(lines)
    for pattern, sentence in PATTERNS:
        found = re.search(pattern, text)
        if found:
            return sentence.format(**found.groupdict()) if found.groupdict() else sentence
    errors = [line for line in lines if re.match(r"(ERROR|error|× )", line)] or [line for line in lines if line.strip()]
    last = errors[-1].strip()[:300].rstrip(".") if errors else lazy_text("they printed nothing")
    what = lazy_text("The packages could not be installed: {printed}. See the log for details.", printed=last)
    return sentences(what, RETRY)


def was_interrupted(lines: Sequence[str]) -> bool:
    """Return whether a download broke off, so that trying again at once may help."""
    return explain(lines) == BROKEN_OFF
