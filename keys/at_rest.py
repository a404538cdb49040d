"""Bytes that the broker keeps on disk while a run is under way: AES-256-GCM under a key that can be destroyed."""

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.errors import EnvelopeError


def seal_at_rest(data: bytes, *, key: bytes, name: str, random: Callable[[int], bytes]) -> bytes:
    """``data`` sealed under ``key`` (32 bytes) for the place ``name``: nonce (12), ciphertext, tag (16)."""
    nonce = random(12)
    return nonce + AESGCM(key).encrypt(nonce, data, name.encode())


def open_at_rest(sealed: bytes, *, key: bytes, name: str) -> bytes:
    """Raises ``EnvelopeError`` when the bytes are damaged, from another place, or the key is not theirs."""
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], name.encode())
    except InvalidTag:
        raise EnvelopeError(
            "A stored file is damaged or in the wrong place.", where=name, remedy="Start the run again."
        ) from None
