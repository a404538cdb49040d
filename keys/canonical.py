"""One byte string for one document: canonical JSON (RFC 8785) and its SHA-256."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import rfc8785

from keys.errors import KeysError


def canonical(document: Any) -> bytes:
    """The RFC 8785 bytes of a JSON document. Raises ``KeysError`` for what JSON cannot say (NaN, bytes)."""
    try:
        return rfc8785.dumps(document)
    except (ValueError, RecursionError) as error:  # without the reason, which can hold a value of the document
        raise KeysError(
            f"A document cannot be written as canonical JSON ({type(error).__name__}).",
            remedy="Use plain JSON values, whole numbers below 2^53 and complete Unicode text.",
        ) from None


_text = json.JSONEncoder(ensure_ascii=False).encode


def canonical_texts(texts: Iterable[str]) -> bytes:
    """``canonical`` of a list of texts, for a million of them: JSON's own encoder writes a text as RFC 8785 does."""
    try:
        return f"[{','.join(map(_text, texts))}]".encode()
    except UnicodeEncodeError:
        raise KeysError("A text cannot be written as canonical JSON.", remedy="Use complete Unicode text.") from None


def digest(document: Any) -> str:
    """SHA-256 over the canonical bytes, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(document)).hexdigest()


def is_version(value: Any, version: int) -> bool:
    """Whether a document's version is this one; Python takes JSON's ``true`` and ``1.0`` for 1."""
    return type(value) is int and value == version


def parse(data: bytes, *, where: str) -> Any:
    """Read JSON from another party: UTF-8, no name twice, no number that is not finite, no half of a surrogate pair.

    Raises ``KeysError`` naming ``where``.
    """

    def no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(pairs)
        if len(names) != len(pairs):
            raise ValueError("a name stands twice in one object")
        return names

    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=no_name_twice)
        # NaN, 1e999 and "\ud800" can be read, but nobody could write them again.
        json.dumps(document, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise KeysError(
            f"This is not valid JSON ({error}).",
            where=where,
            remedy="Get the file again from whoever sent it.",
        ) from None
    return document
