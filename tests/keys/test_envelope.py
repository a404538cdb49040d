"""Sealed files: they open whole, for their receiver, from their sender, for one purpose; or not at all."""

import hashlib
import io
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.canonical import canonical
from keys.envelope import (
    CHUNK_BYTES,
    MAGIC,
    open_bytes,
    open_verified,
    padded_length,
    read_header,
    seal,
    seal_bytes,
    sealed_length,
    verify,
)
from keys.errors import EnvelopeError, SignatureError
from keys.identity import Identity
from keys.receiving import SUITE, encode
from tests.doors import drawn, identity

REFUSED = (EnvelopeError, SignatureError)
ALICE, BOB, EVE = identity("Alice"), identity("Bob"), identity("Eve")
AGREEMENT = "ab" * 32
PAYLOAD = b"what only Bob may read, " * 5


def sealed(payload: bytes = PAYLOAD, **changes: Any) -> bytes:
    options: dict[str, Any] = {
        "kind": "test",
        "agreement": AGREEMENT,
        "sender": ALICE,
        "receiver": BOB.card.receiving,
        "random": drawn("seal"),
        "context": {"run": "1"},
    }
    return seal_bytes(payload, **{**options, **changes})


def opened(data: bytes, **changes: Any) -> bytes:
    options: dict[str, Any] = {"kind": "test", "agreement": AGREEMENT, "sender": ALICE.card, "key": BOB.receiving}
    return open_bytes(data, **{**options, **changes})[1]


SEALED = sealed()


def by_hand(
    payload: bytes = PAYLOAD,
    *,
    header: Callable[[dict[str, Any]], dict[str, Any]] = lambda header: header,
    written: Callable[[bytes], bytes] = lambda data: data,
    content_key: bytes = b"k" * 32,
    said: int | None = None,
    nonces: Sequence[bytes] | None = None,
    order: Sequence[int] | None = None,
    signer: Identity = ALICE,
) -> bytes:
    """An envelope as the format's description says, written without our writer, with one thing changed.

    It is signed after the change: what a sender with a faulty or dishonest tool could send.
    """
    length = len(payload) if said is None else said
    padded = padded_length(8 + len(payload))
    plain = length.to_bytes(8, "big") + payload + bytes(padded - 8 - len(payload))
    bound = {
        "counterfoil": "envelope",
        "version": 1,
        "suite": SUITE,
        "kind": "test",
        "agreement": AGREEMENT,
        "sender": ALICE.card.fingerprint,
        "receiver": BOB.card.receiving.key_id,
        "padded": padded,
        "context": {},
    }
    wrapped = BOB.card.receiving.seal(content_key, info=canonical(bound))
    head = written(canonical(header({**bound, "wrapped": encode(wrapped)})))
    parts = [plain[start : start + CHUNK_BYTES] for start in range(0, padded, CHUNK_BYTES)]
    last = len(parts) - 1
    if nonces is None:
        nonces = [number.to_bytes(11, "big") + bytes([number == last]) for number in range(len(parts))]
    cipher = ChaCha20Poly1305(content_key.ljust(32, b"\0")[:32])
    chunks = [cipher.encrypt(nonce, part, None) for nonce, part in zip(nonces, parts, strict=True)]
    body = MAGIC + len(head).to_bytes(4, "big") + head + b"".join(chunks[one] for one in order or range(len(chunks)))
    return body + signer.sign(hashlib.sha512(body).digest(), label="envelope")


# Round trips.

_BORDERS = {
    0, 1, 2, 7, 8, 9, 15, 16, 17, 100, 1000,
    *range(CHUNK_BYTES - 20, CHUNK_BYTES + 21, 4), CHUNK_BYTES - 9, CHUNK_BYTES - 7, CHUNK_BYTES + 1,
    2 * CHUNK_BYTES - 8, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES - 8, 3 * CHUNK_BYTES,
}  # fmt: skip


@pytest.mark.parametrize("length", sorted(_BORDERS))
def test_every_length_opens_again(length: int) -> None:
    payload = drawn("payload")(length)
    data = sealed(payload)
    assert opened(data) == payload
    context = {"run": "1"}
    receiver = BOB.card.receiving
    assert len(data) == sealed_length(
        length, kind="test", agreement=AGREEMENT, sender=ALICE.card, receiver=receiver, context=context
    )
    assert len(payload) < 16 or payload[:16] not in data


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=6))
def test_the_parts_of_a_payload_do_not_matter(parts: list[bytes]) -> None:
    out = io.BytesIO()
    seal(
        parts, sum(map(len, parts)), out,
        kind="test", agreement=AGREEMENT, sender=ALICE, receiver=BOB.card.receiving, random=drawn("seal"),
    )  # fmt: skip
    assert opened(out.getvalue()) == b"".join(parts)


def test_parts_larger_than_a_chunk_are_cut() -> None:
    payload = drawn("payload")(2 * CHUNK_BYTES + 5)
    out = io.BytesIO()
    seal(
        [payload[:10], payload[10 : CHUNK_BYTES + 30], payload[CHUNK_BYTES + 30 :]], len(payload), out,
        kind="test", agreement=AGREEMENT, sender=ALICE, receiver=BOB.card.receiving, random=drawn("seal"),
    )  # fmt: skip
    assert opened(out.getvalue()) == payload
    stream = io.BytesIO(out.getvalue())
    assert max(len(part) for part in open_verified(stream, key=BOB.receiving)) <= CHUNK_BYTES


@pytest.mark.parametrize("said", [len(PAYLOAD) - 1, len(PAYLOAD) + 1])
def test_a_payload_of_another_length_than_said_is_a_fault_of_the_caller(said: int) -> None:
    with pytest.raises(ValueError, match="payload has"):
        seal(
            [PAYLOAD], said, io.BytesIO(),
            kind="test", agreement=AGREEMENT, sender=ALICE, receiver=BOB.card.receiving, random=drawn("seal"),
        )  # fmt: skip


def test_what_is_written_by_hand_from_the_description_opens() -> None:
    assert opened(by_hand()) == PAYLOAD
    long = drawn("payload")(2 * CHUNK_BYTES)
    assert opened(by_hand(long)) == long


def test_sealing_twice_gives_other_bytes() -> None:
    assert sealed(random=drawn("1")) != sealed(random=drawn("2"))


def test_the_header_shows_the_context_and_not_the_payload() -> None:
    header = read_header(io.BytesIO(SEALED))
    assert (header.kind, header.agreement, header.context) == ("test", AGREEMENT, {"run": "1"})
    assert (header.sender, header.receiver) == (ALICE.card.fingerprint, BOB.card.receiving.key_id)
    assert b"Bob may read" not in SEALED


def test_verify_leaves_the_stream_at_its_start() -> None:
    stream = io.BytesIO(SEALED)
    verify(stream, kind="test", agreement=AGREEMENT, sender=ALICE.card, receiver=BOB.card.receiving.key_id)
    assert stream.tell() == 0
    assert b"".join(open_verified(stream, key=BOB.receiving)) == PAYLOAD


def test_a_context_that_is_too_large_is_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="too large"):
        sealed(context={"much": "x" * (1 << 16)})


# Padding.


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 20))
def test_padding_grows_with_the_length(length: int, more: int) -> None:
    padded = padded_length(length)
    assert length <= padded <= padded_length(length + more)
    assert padded_length(padded) == padded
    assert length < 8 or padded <= length * 1.12


def test_there_are_few_sizes() -> None:
    assert len({padded_length(length) for length in range(1 << 16, 1 << 17)}) <= 33
    assert len({padded_length(length) for length in range(1, 1 << 17)}) < 300


def test_uploads_of_about_the_same_size_cannot_be_told_apart() -> None:
    assert len({len(sealed(bytes(length))) for length in range(100_000, 100_080)}) <= 2


# Refusals.


def test_every_byte_that_is_flipped_is_noticed() -> None:
    for place in range(len(SEALED)):
        data = bytearray(SEALED)
        data[place] ^= 1 << place % 8
        with pytest.raises(REFUSED):
            opened(bytes(data))


@settings(deadline=None, max_examples=200)
@given(st.integers(0, len(SEALED)), st.binary(max_size=12), st.integers(0, 12))
def test_any_piece_that_is_cut_put_in_or_replaced_is_noticed(place: int, piece: bytes, cut: int) -> None:
    data = SEALED[:place] + piece + SEALED[place + cut :]
    if data == SEALED:
        assert opened(data) == PAYLOAD
    else:
        with pytest.raises(REFUSED):
            opened(data)


def test_every_shorter_file_is_refused() -> None:
    for length in range(len(SEALED)):
        with pytest.raises(REFUSED):
            opened(SEALED[:length])


@pytest.mark.parametrize(
    "more", [b"\0", bytes(16), bytes(64), SEALED[-64:], SEALED], ids=["1", "16", "64", "signature", "itself"]
)
def test_a_longer_file_is_refused(more: bytes) -> None:
    for data in (SEALED + more, more + SEALED):
        with pytest.raises(REFUSED):
            opened(data)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_after_the_magic_are_refused(data: bytes) -> None:
    for file in (data, MAGIC + data, MAGIC + len(data).to_bytes(4, "big") + data):
        with pytest.raises(EnvelopeError):
            read_header(io.BytesIO(file))


@pytest.mark.parametrize(
    "changes",
    [{"kind": "other"}, {"agreement": "cd" * 32}, {"sender": EVE.card}, {"key": EVE.receiving}],
    ids=["kind", "agreement", "sender", "receiver"],
)
def test_a_file_for_something_else_is_refused(changes: dict[str, Any]) -> None:
    (name,) = changes
    word = "receiver" if name == "key" else name
    with pytest.raises(EnvelopeError, match=f"for another {word}"):
        opened(SEALED, **changes)


def test_the_receiver_cannot_pass_a_file_on_as_its_own() -> None:
    """Bob opens what Alice sealed to him, and puts his own signature below the same chunks."""
    body = SEALED[:-64]
    with pytest.raises(SignatureError):
        opened(body + BOB.sign(hashlib.sha512(body).digest(), label="envelope"))


def test_a_signature_for_another_purpose_is_refused() -> None:
    body = SEALED[:-64]
    with pytest.raises(SignatureError):
        opened(body + ALICE.sign(hashlib.sha512(body).digest(), label="statement/test"))


def test_a_wrong_key_opens_nothing_even_without_verifying() -> None:
    with pytest.raises(EnvelopeError):
        b"".join(open_verified(io.BytesIO(SEALED), key=EVE.receiving))


# Envelopes that are signed by their sender and wrong all the same.


@pytest.mark.parametrize(
    "changes",
    [
        {"suite": "HPKE-X25519-HKDF_SHA256-AES_128_GCM"},
        {"version": 2},
        {"version": 1.5},
        {"counterfoil": "card"},
        {"padded": 7},
        {"padded": 0},
        {"padded": -8},
        {"padded": "136"},
        {"padded": True},
        {"padded": None},
        {"padded": 2**53 - 1},
        {"context": []},
        {"context": [1]},
        {"context": "abc"},
        {"context": ""},
        {"context": ["abc"]},
        {"context": [["a", 1]]},
        {"context": None},
        {"context": {"changed": True}},
        {"wrapped": ""},
        {"wrapped": "AAAA"},
        {"wrapped": "not base64url"},
        {"wrapped": None},
        {"wrapped": encode(bytes(1168))},
        {"more": 1},
        {"kind": None},
        {"kind": ["test"]},
        {"sender": {}},
    ],
    ids=str,
)
def test_a_header_that_is_rewritten_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(REFUSED):
        opened(by_hand(header=lambda header: {**header, **changes}))


@pytest.mark.parametrize("name", [
    "agreement", "context", "counterfoil", "kind", "padded", "receiver", "sender", "suite", "version", "wrapped",
])  # fmt: skip
def test_a_header_without_a_field_is_refused(name: str) -> None:
    with pytest.raises(EnvelopeError):
        opened(by_hand(header=lambda header: {key: value for key, value in header.items() if key != name}))


@pytest.mark.parametrize(
    "written",
    [
        lambda data: b" " + data,
        lambda data: data + b"\n",
        lambda data: data.replace(b'"version":1', b'"version":1.0'),
        lambda data: data.replace(b'"version":1', b'"version":1,"version":1'),
        lambda data: data.replace(b'{"agreement"', b'{"\\u0061greement"'),
        lambda data: b"[" * 5000,
        lambda data: b"null",
        lambda data: b"[]",
        lambda data: b'"text"',
        lambda data: b"\xff",
        lambda data: b"",
        lambda data: data.ljust((1 << 16) + 1),
    ],
    ids=range(12),
)
def test_a_header_that_is_not_canonical_is_refused(written: Callable[[bytes], bytes]) -> None:
    with pytest.raises(EnvelopeError):
        opened(by_hand(written=written))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_content_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(EnvelopeError, match="wrong length"):
        opened(by_hand(content_key=b"k" * length))


@pytest.mark.parametrize("more", [1, 1000, 1 << 62])
def test_a_file_that_says_it_is_longer_than_it_is_is_refused(more: int) -> None:
    room = padded_length(8 + len(PAYLOAD)) - 8
    with pytest.raises(EnvelopeError, match="longer than it is"):
        opened(by_hand(said=room + more))


LONG = drawn("long payload")(3 * CHUNK_BYTES - 8)
assert padded_length(len(LONG) + 8) == 3 * CHUNK_BYTES


def nonce(number: int, *, final: bool = False) -> bytes:
    return number.to_bytes(11, "big") + bytes([final])


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (2, 1, 0), (0, 0, 2), (0, 1, 1)], ids=str)
def test_chunks_that_are_moved_or_repeated_are_refused(order: tuple[int, ...]) -> None:
    with pytest.raises(EnvelopeError, match="part of the sealed file is damaged"):
        opened(by_hand(LONG, order=order))


@pytest.mark.parametrize("order", [(0, 1), (1, 2), (0, 1, 2, 2), (0, 0, 1, 2)], ids=str)
def test_chunks_that_are_dropped_or_added_are_refused(order: tuple[int, ...]) -> None:
    with pytest.raises(EnvelopeError, match="cut off or extended"):
        opened(by_hand(LONG, order=order))


def test_only_the_last_chunk_is_marked_as_the_last() -> None:
    marks = ([True, False, True], [False, False, False], [False, True, True])
    for mark in marks:
        with pytest.raises(EnvelopeError, match="part of the sealed file is damaged"):
            opened(by_hand(LONG, nonces=[nonce(number, final=final) for number, final in enumerate(mark)]))


def test_a_cut_at_a_chunk_is_refused_without_the_check_of_the_length() -> None:
    """The marks alone notice it, for a reader that cannot know the length beforehand."""
    data = by_hand(LONG)
    with pytest.raises(EnvelopeError):
        b"".join(open_verified(io.BytesIO(data[: -64 - CHUNK_BYTES - 16]), key=BOB.receiving))
