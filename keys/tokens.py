"""Link ids into tokens and back.

A token is AES-256-GCM (SP 800-38D) of a 16-byte link id under the run's key with a random 96-bit nonce:
12 + 16 + 16 = 44 bytes for every row, linked or not. The run's id is bound as associated data.
"""

from collections.abc import Callable

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from keys.errors import TokenError

LINK_ID_BYTES = 16
TOKEN_BYTES = 12 + LINK_ID_BYTES + 16
RUN_KEY_BYTES = 32


def seal_link_ids(
    link_ids: NDArray[np.uint8], *, run_key: bytes, run: str, random: Callable[[int], bytes]
) -> NDArray[np.uint8]:
    """Tokens, uint8 (rows, 44), of link ids, uint8 (rows, 16)."""
    cipher, bound = AESGCM(run_key), run.encode()
    nonces = random(12 * len(link_ids))
    plain = np.ascontiguousarray(link_ids).tobytes()
    out = bytearray()
    for row in range(len(link_ids)):
        nonce = nonces[12 * row : 12 * row + 12]
        out += nonce + cipher.encrypt(nonce, plain[16 * row : 16 * row + 16], bound)
    return np.frombuffer(bytes(out), dtype=np.uint8).reshape(len(link_ids), TOKEN_BYTES)


def open_tokens(tokens: NDArray[np.uint8], *, run_key: bytes, run: str) -> NDArray[np.uint8]:
    """Link ids, uint8 (rows, 16), of tokens, uint8 (rows, 44). Raises ``TokenError`` naming the first bad row."""
    cipher, bound = AESGCM(run_key), run.encode()
    sealed = np.ascontiguousarray(tokens).tobytes()
    out = bytearray()
    for row in range(len(tokens)):
        token = sealed[TOKEN_BYTES * row : TOKEN_BYTES * (row + 1)]
        try:
            out += cipher.decrypt(token[:12], token[12:], bound)
        except InvalidTag:
            raise TokenError(
                "A token does not open: it is damaged or belongs to another run.",
                where=f"token {row + 1}",
                remedy="Ask the holder for the tokens of this run again.",
            ) from None
    return np.frombuffer(bytes(out), dtype=np.uint8).reshape(len(tokens), LINK_ID_BYTES)
