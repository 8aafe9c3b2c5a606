"""Mutual authentication: each side proves that it knows the key of the connection file without sending the key."""

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
    """Return a random key. The daemon creates one at each start."""
    return secrets.token_bytes(KEY_BYTES)


def fresh_nonce() -> bytes:
    """Return a random nonce for one handshake."""
    return secrets.token_bytes(NONCE_BYTES)


def fresh_session() -> bytes:
    """Return a random session id."""
    return secrets.token_bytes(SESSION_BYTES)


def proof(
    key: bytes, role: str, client_nonce: bytes, daemon_nonce: bytes, endpoint: str, version: Sequence[int]
) -> bytes:
    """Return the HMAC-SHA256 by which one side proves that it knows the key.

    The values are packed with msgpack, so that different values never give the same bytes. The role prevents a proof
    from being sent back to its author. The endpoint prevents it from being relayed to another endpoint.

    Args:
        key: The key in the connection file, 32 bytes.
        role: The side that proves: 'client' or 'daemon'.
        client_nonce: 32 random bytes, from `hello`.
        daemon_nonce: 32 random bytes, from `challenge`.
        endpoint: Exactly as in the connection file.
        version: The protocol version of the side that proves, (major, minor).

    Returns:
        32 bytes.
    """
    message = msgpack.packb([role, client_nonce, daemon_nonce, endpoint, list(version)], use_bin_type=True)
    return hmac.new(key, message, hashlib.sha256).digest()


def constant_time_equal(a: bytes, b: bytes) -> bool:
    """Compare two proofs in constant time."""
    return hmac.compare_digest(a, b)
