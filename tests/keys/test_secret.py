"""The linkage secret and its subkeys, against RFC 5869 written out again with hmac."""

import hashlib
import hmac
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.derive import LENGTHS, Label, key_check, subkey
from keys.errors import SecretError
from keys.secret import Secret, combine

AGREEMENT, OTHER = "ab" * 32, "cd" * 32
PARTS = {"bb" * 32: b"1" * 32, "aa" * 32: b"2" * 32, "cc" * 32: b"3" * 32}

contributions = st.dictionaries(
    st.binary(min_size=32, max_size=32).map(bytes.hex), st.binary(min_size=32, max_size=32), min_size=2, max_size=5
).filter(lambda parts: len(set(parts.values())) == len(parts))


def expand(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand as RFC 5869, section 2.3, has it."""
    out, block = b"", b""
    for number in itertools.count(1):
        if len(out) >= length:
            break
        block = hmac.digest(key, block + info + bytes([number]), hashlib.sha256)
        out += block
    return out[:length]


@given(contributions)
def test_the_secret_is_hkdf_extract_over_the_contributions_by_fingerprint(parts: dict[str, bytes]) -> None:
    material = b"".join(part for _, part in sorted(parts.items()))
    expected = hmac.digest(bytes.fromhex(AGREEMENT), material, hashlib.sha256)
    assert combine(parts, agreement=AGREEMENT).key() == expected


@given(contributions, st.randoms())
def test_the_order_in_which_contributions_came_does_not_matter(parts: dict[str, bytes], random: object) -> None:
    items = list(parts.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert combine(dict(items), agreement=AGREEMENT) == combine(parts, agreement=AGREEMENT)


def test_every_contribution_and_its_giver_count() -> None:
    a, b, c = PARTS
    variants = [
        PARTS,
        {a: PARTS[a], b: PARTS[b]},
        {b: PARTS[b], c: PARTS[c]},
        {**PARTS, a: b"9" * 32},
        {**PARTS, a: PARTS[b], b: PARTS[a]},
    ]
    secrets = [combine(parts, agreement=AGREEMENT) for parts in variants] + [combine(PARTS, agreement=OTHER)]
    assert len({secret.key() for secret in secrets}) == len(secrets)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"aa": b"1" * 32},
        {"aa": b"1" * 32, "bb": b"1" * 32},
        {"aa": b"1" * 32, "bb": b"2" * 32, "cc": b"1" * 32},
        {"aa": b"1" * 32, "bb": b"2" * 31},
        {"aa": b"1" * 32, "bb": b"2" * 33},
        {"aa": b"1" * 32, "bb": b""},
    ],
    ids=range(7),
)
def test_too_few_equal_or_short_contributions_are_refused(parts: dict[str, bytes]) -> None:
    with pytest.raises(SecretError):
        combine(parts, agreement=AGREEMENT)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_secret_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(SecretError):
        Secret(bytes(length), agreement=AGREEMENT)


def test_secrets_are_equal_with_the_same_bytes_for_the_same_agreement() -> None:
    secret = Secret(b"k" * 32, agreement=AGREEMENT)
    assert secret == Secret(b"k" * 32, agreement=AGREEMENT)
    assert len({secret, Secret(b"k" * 32, agreement=AGREEMENT)}) == 1
    for other in (Secret(b"l" * 32, agreement=AGREEMENT), Secret(b"k" * 32, agreement=OTHER), b"k" * 32, None):
        assert secret != other


@given(st.binary(min_size=32, max_size=32), st.sampled_from(Label), st.text(max_size=20))
def test_subkeys_are_hkdf_expand(key: bytes, label: Label, context: str) -> None:
    # RFC 8785 for a list of such strings is what json writes without spaces and escapes.
    info = json.dumps(["counterfoil/v1", label.value, AGREEMENT, context], ensure_ascii=False, separators=(",", ":"))
    expected = expand(key, info.encode(), LENGTHS[label])
    assert subkey(Secret(key, agreement=AGREEMENT), label, context=context) == expected


def test_subkeys_differ_by_label_context_agreement_and_secret() -> None:
    made = [
        subkey(Secret(key, agreement=agreement), label, context=context)[:32]
        for key in (b"k" * 32, b"l" * 32)
        for agreement in (AGREEMENT, OTHER)
        for label in Label
        for context in ("", "a", "b", 'a","b', "all")
    ]
    assert len(set(made)) == len(made) == 2 * 2 * 5 * len(Label)


def test_every_label_has_a_length_and_its_own_words() -> None:
    assert set(LENGTHS) == set(Label)
    assert min(LENGTHS.values()) >= 32


def test_the_key_check_is_a_subkey_that_serves_for_nothing_else() -> None:
    secret = Secret(b"k" * 32, agreement=AGREEMENT)
    assert key_check(secret) == subkey(secret, Label.KEY_CHECK).hex()
    assert key_check(secret) != key_check(Secret(b"l" * 32, agreement=AGREEMENT))
    assert b"k" * 32 not in bytes.fromhex(key_check(secret))
