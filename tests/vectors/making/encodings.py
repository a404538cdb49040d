"""Encodings of rows, slowly and by the letter, with nothing of the encoder and nothing but the standard library.

``python -m tests.vectors.making.encodings`` writes ``tests/vectors/encodings``. A base filter is what a linkage schema
of version 3 means by ``blakeHash``, ``bitsPerFeature`` and the n-grams of clkhash.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SECRET = bytes(range(32))
AGREEMENT = "c0" * 32
DEFAULT = {"length": 1024, "hash": "blakeHash", "kdf_hash": "SHA256", "key_size": 64}
DIFFUSION = {"method": "diffusion", "t": 8, "length": 2048}
NGRAMS = {
    "unigrams": (1, False),
    "bigrams": (2, False),
    "trigrams": (3, False),
    "positional-unigrams": (1, True),
    "positional-bigrams": (2, True),
}
ROWS = [
    {"forename": "ADA", "surname": "LOVELACE", "sex": "F", "postcode": "ZZ99 3AB", "nhs_number": "9434765919"},
    {"forename": "ADA", "surname": "LOVELASE", "sex": "F", "postcode": "ZZ99 3AB", "nhs_number": ""},
    {"forename": "", "surname": "Ó SÚILLEABHÁIN", "sex": "", "postcode": "ZZ99 3VZ", "nhs_number": "9434765870"},
    {"forename": "ŁUKASZ", "surname": "", "sex": "M", "postcode": "", "nhs_number": ""},
    {"forename": "X", "surname": "NG", "sex": "M", "postcode": "ZZ99 9ZZ", "nhs_number": "9434765919"},
]


def fuzzy(name: str, minimum_bits: int, **features: tuple[str, int]) -> dict[str, Any]:
    listed = [{"field": field, "compare": compare, "bits": bits} for field, (compare, bits) in features.items()]
    return {"kind": "fuzzy", "name": name, "minimum_bits": minimum_bits, "features": listed}


KEYS: list[dict[str, Any]] = [
    {"kind": "exact", "name": "nhs-number", "tuple_of": ["nhs_number"]},
    {"kind": "exact", "name": "pair", "tuple_of": ["surname", "forename"]},
    fuzzy(
        "names", 150, forename=("bigrams", 100), surname=("trigrams", 100), sex=("exact", 10), postcode=("unigrams", 60)
    ),
    fuzzy("place", 60, postcode=("positional-bigrams", 60), surname=("positional-unigrams", 7)),
]
CASES: list[tuple[str, dict[str, Any]]] = [
    ("as the default agreement has it", DEFAULT | {"hardening": DIFFUSION}),
    ("t = 10", DEFAULT | {"hardening": DIFFUSION | {"t": 10}}),
    ("not hardened", DEFAULT | {"hardening": None}),
    (
        "short filters, SHA-512, short keys",
        DEFAULT | {"length": 256, "kdf_hash": "SHA512", "key_size": 16, "hardening": None},
    ),
]


def extract(secret: bytes, algorithm: str) -> bytes:
    """HKDF-Extract without a salt (RFC 5869, section 2.2)."""
    return hmac.digest(bytes(hashlib.new(algorithm).digest_size), secret, algorithm)


def expand(key: bytes, info: bytes, length: int, algorithm: str = "sha256") -> bytes:
    """HKDF-Expand (RFC 5869, section 2.3)."""
    out, block, number = b"", b"", 0
    while len(out) < length:
        number += 1
        block = hmac.digest(key, block + info + bytes([number]), algorithm)
        out += block
    return out[:length]


def canonical(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def subkey(label: str, context: str, length: int) -> bytes:
    return expand(SECRET, canonical(["counterfoil/v1", label, AGREEMENT, context]), length)


def tokens(text: str, compare: str) -> list[str]:
    if not text or compare == "exact":
        return [text] if text else []
    n, positional = NGRAMS[compare]
    padded = " " * (n - 1) + text + " " * (n - 1)
    grams = [padded[start : start + n] for start in range(len(text) + n - 1)]
    return [f"{place} {gram}" for place, gram in enumerate(grams, start=1)] if positional else grams


def positions(token: str, key: bytes, count: int, length: int) -> Iterator[int]:
    """The first ``count`` 16-bit numbers, little-endian, of keyed BLAKE2b with the salts 0, 1, ... in ASCII."""
    for nth in range(count):
        digest = hashlib.blake2b(token.encode(), key=key, salt=str(nth // 32).encode()).digest()
        yield int.from_bytes(digest[nth % 32 * 2 :][:2], "little") % length


def base_filter(row: Mapping[str, str], key: Mapping[str, Any], encoding: Mapping[str, Any]) -> list[int]:
    """The bits, from the first to the last."""
    algorithm, size, features = encoding["kdf_hash"].lower(), encoding["key_size"], key["features"]
    secret = extract(subkey("base filter", key["name"], 64), algorithm)
    stream = expand(secret, b"", 2 * len(features) * size, algorithm)
    bits = [0] * encoding["length"]
    for place, feature in enumerate(features):
        own = stream[2 * place * size :][:size]
        found = tokens(row[feature["field"]], feature["compare"])
        for nth, token in enumerate(found):
            count = feature["bits"] // len(found) + (nth < feature["bits"] % len(found))
            for position in positions(token, own, count, encoding["length"]):
                bits[position] = 1
    return bits


def drawn(key: bytes, base_length: int, t: int, length: int) -> list[list[int]]:
    """The base bits of each bit, by the four steps that ``encoder/harden.py`` specifies."""
    label = f"counterfoil diffusion 1 base={base_length} t={t} length={length}".encode()
    stream = hashlib.shake_256(label + b"\0" + key).digest(8 * t * length + 4096)
    words = (int.from_bytes(stream[at : at + 4], "big") for at in range(0, len(stream), 4))
    chosen, pool = [], list(range(base_length))
    for _ in range(length):
        own: list[int] = []
        while len(own) < t:
            pool = pool or [position for position in range(base_length) if position not in own]
            word = next(word for word in words if word < 2**32 - 2**32 % len(pool))
            nth = word % len(pool)
            own.append(pool[nth])
            pool[nth] = pool[-1]
            pool.pop()
        chosen.append(own)
    return chosen


def packed(bits: Sequence[int]) -> str:
    """Hexadecimal; the first bit is 0x80 of the first byte."""
    return int("".join(map(str, bits)), 2).to_bytes(len(bits) // 8, "big").hex()


def exact(row: Mapping[str, str], key: Mapping[str, Any]) -> str | None:
    values = [row[field] for field in key["tuple_of"]]
    mac = subkey("exact match-key", key["name"], 32)
    return hmac.digest(mac, canonical(values), "sha256")[:16].hex() if all(values) else None


def expected(key: Mapping[str, Any], encoding: Mapping[str, Any]) -> dict[str, Any]:
    if key["kind"] == "exact":
        return {"encodings": [exact(row, key) for row in ROWS]}
    present = [
        sum(feature["bits"] for feature in key["features"] if row[feature["field"]]) >= key["minimum_bits"]
        for row in ROWS
    ]
    filters = [base_filter(row, key, encoding) if one else None for row, one in zip(ROWS, present, strict=True)]
    found: dict[str, Any] = {"base_filters": [packed(one) if one else None for one in filters]}
    hardening = encoding["hardening"]
    if hardening is None:
        return {"encodings": found["base_filters"]}
    seed = subkey("hardening draw", key["name"], 32)
    choice = drawn(seed, encoding["length"], hardening["t"], hardening["length"])
    found["encodings"] = [packed([sum(one[p] for p in own) % 2 for own in choice]) if one else None for one in filters]
    return found


def vectors() -> dict[str, Any]:
    cases = [
        {"about": about, "encoding": encoding, "expected": {key["name"]: expected(key, encoding) for key in KEYS}}
        for about, encoding in CASES
    ]
    return {"secret": SECRET.hex(), "agreement": AGREEMENT, "match_keys": KEYS, "rows": ROWS, "cases": cases}


def text() -> str:
    return json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    path = Path(__file__).parents[1] / "encodings" / "encodings.json"
    path.write_text(text(), encoding="utf-8")
