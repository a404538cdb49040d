"""The linkage secret and its subkeys by hmac alone (RFC 5869), and tokens."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.vectors.making.case import Case, Folder, drawn, flipped, listed, plain_json
from tests.vectors.making.cast import ID, party

_SECRET, _TOKENS = Folder("secret"), Folder("tokens")
_SUBKEYS = (
    ("base filter", "names", 64),
    ("hardening draw", "names", 32),
    ("exact match-key", "nhs-number", 32),
    ("conformance digest", "", 32),
    ("control rows", "", 32),
)


def _expand(key: bytes, label: str, context: str, length: int) -> bytes:
    info = plain_json(["counterfoil/v1", label, ID, context])
    out = block = b""
    while len(out) < length:
        block = hmac.digest(key, block + info + bytes([len(out) // 32 + 1]), hashlib.sha256)
        out += block
    return out[:length]


def _combined(contributions: Mapping[str, str], match_keys: Mapping[str, str]) -> dict[str, Any]:
    material = b"".join(bytes.fromhex(part) for _, part in sorted(contributions.items()))
    key = hmac.digest(bytes.fromhex(ID), material, hashlib.sha256)
    return {
        "secret": key.hex(),
        "subkeys": [
            {
                "label": label,
                "context": match_keys.get(context, context),
                "key": _expand(key, label, match_keys.get(context, context), length).hex(),
            }
            for label, context, length in _SUBKEYS
        ],
        "key_check": _expand(key, "key check", "", 32).hex(),
    }


def secret_cases() -> Iterator[Case]:
    two = {party(name).fingerprint: drawn(f"contribution of {name}", 32).hex() for name in ("council", "icb")}
    three = {**two, party("school").fingerprint: drawn("contribution of school", 32).hex()}
    turned = dict(reversed(two.items()))
    for name, about, contributions, match_keys in (
        ("two-holders", "Two contributions by card fingerprint, the secret and every subkey.", two, {}),
        ("two-holders-in-another-order", "The order in which contributions came does not matter.", turned, {}),
        ("three-holders", "Three contributions.", three, {}),
        (
            "other-match-keys",
            "The names of match-keys are part of the subkeys.",
            two,
            {"names": "a.b_c-1", "nhs-number": "Z"},
        ),
    ):
        context = [{"label": label, "context": match_keys.get(one, one)} for label, one, _ in _SUBKEYS]
        given = {"agreement": ID, "contributions": contributions, "subkeys": context}
        yield _SECRET.accept(name, about, given, _combined(contributions, match_keys))
    first, other = two
    for name, about, contributions in (
        ("one-contribution", "A secret that one holder alone would know.", {first: two[first]}),
        (
            "same-contribution-twice",
            "A holder that repeats what another has contributed.",
            dict.fromkeys(two, two[first]),
        ),
        ("short-contribution", "A contribution of 31 bytes.", {**two, other: two[other][:62]}),
    ):
        yield _SECRET.reject(name, about, {"agreement": ID, "contributions": contributions, "subkeys": []})


def token_cases() -> Iterator[Case]:
    key, run = drawn("run key", 32), drawn("run", 16).hex()
    link_ids = [drawn("link 1", 16), drawn("link 2", 16), drawn("link 1", 16)]
    nonces = [drawn(f"nonce of token {row}", 12) for row in range(3)]
    tokens = [
        nonce + AESGCM(key).encrypt(nonce, link_id, run.encode())
        for nonce, link_id in zip(nonces, link_ids, strict=True)
    ]
    good = {"run_key": key.hex(), "run": run, "tokens": listed(tokens)}
    about = "Three tokens; the first and the last are of linked rows, and nothing shows it without the key."
    yield _TOKENS.accept("tokens", about, good, {"link_ids": listed(link_ids)})
    yield _TOKENS.accept("no-rows", "No token at all.", {**good, "tokens": []}, {"link_ids": []})
    for name, about, changes in (
        (
            "bit-flipped-nonce",
            "One bit of a nonce was changed.",
            {"tokens": listed([tokens[0], flipped(tokens[1], 3)])},
        ),
        ("bit-flipped-link-id", "One bit of a sealed link id was changed.", {"tokens": [flipped(tokens[0], 20).hex()]}),
        ("another-run", "Tokens that are opened as those of another run.", {"run": drawn("another run", 16).hex()}),
        ("another-key", "Tokens that are opened with another run's key.", {"run_key": drawn("another key", 32).hex()}),
    ):
        yield _TOKENS.reject(name, about, {**good, **changes})


def cases() -> Iterator[Case]:
    yield from secret_cases()
    yield from token_cases()
