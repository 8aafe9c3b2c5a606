"""Proof on both sides that each knows the key of the connection file, which itself never crosses the wire."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence

import msgpack

KEY_BYTES = 32
NONCE_BYTES = 32
SESSION_BYTES = 16


def fresh_key() -> bytes:
    """A key, new at each start of the daemon."""
    return secrets.token_bytes(KEY_BYTES)


def fresh_nonce() -> bytes:
    return secrets.token_bytes(NONCE_BYTES)


def fresh_session() -> bytes:
    return secrets.token_bytes(SESSION_BYTES)


def proof(
    key: bytes, role: str, client_nonce: bytes, daemon_nonce: bytes, endpoint: str, version: Sequence[int]
) -> bytes:
    """HMAC-SHA256 over role ('client' or 'daemon'), both nonces, endpoint and version, packed so that no two
    different sets of them give the same bytes. The role keeps a proof from being sent back as one's own; the
    endpoint keeps it from being carried to another."""
    said = msgpack.packb([role, client_nonce, daemon_nonce, endpoint, list(version)], use_bin_type=True)
    return hmac.new(key, said, hashlib.sha256).digest()


def same(a: bytes, b: bytes) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(a, b)
