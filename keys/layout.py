"""The bytes inside an upload and inside a release: fixed-width records, the same for every implementation.

Upload: one record a row: ``handle`` (16 bytes); then for each match-key of the holder, in the agreement's order,
``present`` (1 byte, 0 or 1) and the encoding (zeros if absent): the hardened or plain filter for a fuzzy
match-key, 16 bytes for an exact one. Release: one record a row: ``handle`` (16 bytes), ``token`` (44 bytes).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keys.terms import FuzzyKey, Terms
from keys.tokens import LINK_ID_BYTES, TOKEN_BYTES

HANDLE_BYTES = 16
EXACT_BYTES = 16


def encoding_bytes(terms: Terms, key: Any) -> int:
    """Width in bytes of one encoding of a match-key."""
    if not isinstance(key, FuzzyKey):
        return EXACT_BYTES
    hardening = terms.encoding.hardening
    return (hardening.length if hardening else terms.encoding.length) // 8


def upload_record(terms: Terms, holder: str) -> np.dtype[np.void]:
    """The record of one row of ``holder``: fields ``handle``, and ``present/K`` and ``K`` per match-key K."""
    fields: list[tuple[Any, ...]] = [("handle", np.uint8, (HANDLE_BYTES,))]
    for key in terms.keys_of(holder):
        fields.append((f"present/{key.name}", np.uint8))
        fields.append((key.name, np.uint8, (encoding_bytes(terms, key),)))
    return np.dtype(fields)


def release_record() -> np.dtype[np.void]:
    """The record of one row of a blind release."""
    return np.dtype([("handle", np.uint8, (HANDLE_BYTES,)), ("token", np.uint8, (TOKEN_BYTES,))])


def handle_order(handles: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The order, int64 (rows,), that sorts random handles, uint8 (rows, 16): one that says nothing about the rows."""
    return np.lexsort(np.ascontiguousarray(handles).view(">u8").T[::-1])


def open_release_record() -> np.dtype[np.void]:
    """The record of one row of an open release."""
    return np.dtype([("handle", np.uint8, (HANDLE_BYTES,)), ("link_key", np.uint8, (LINK_ID_BYTES,))])
