"""Identity files, cards and receiving keys: they open for their owner, and show nothing to anyone else."""

import base64
import json
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.canonical import canonical
from keys.errors import EnvelopeError, IdentityError, SecretError, SignatureError
from keys.identity import Card, Identity, card_of
from keys.receiving import ReceivingAddress, ReceivingKey, decode, encode
from keys.secret import Secret
from tests.doors import drawn, identity

PASSPHRASE = "a passphrase of the tests"
ALICE = identity("Alice")
LOCKED = ALICE.lock(PASSPHRASE, random=drawn("lock"))


def damaged(**changes: Any) -> bytes:
    return canonical({**json.loads(LOCKED), **changes})


def test_a_locked_identity_opens_with_its_passphrase() -> None:
    opened = Identity.unlock(LOCKED, PASSPHRASE, where="file")
    assert opened.card == ALICE.card
    assert opened.receiving.open(ALICE.card.receiving.seal(b"hello", info=b""), info=b"") == b"hello"
    opened.card.verify(ALICE.sign(b"hello", label="test"), b"hello", label="test")
    ALICE.card.verify(opened.sign(b"hello", label="test"), b"hello", label="test")


def test_locking_twice_gives_files_that_share_nothing_secret() -> None:
    again = json.loads(ALICE.lock(PASSPHRASE, random=drawn("another lock")))
    first = json.loads(LOCKED)
    assert again["card"] == first["card"]
    assert again["sealed"] != first["sealed"]
    assert again["argon2id"]["salt"] != first["argon2id"]["salt"]


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE[:-1], PASSPHRASE.upper()])
def test_another_passphrase_is_refused(passphrase: str) -> None:
    with pytest.raises(IdentityError, match="passphrase is wrong") as caught:
        Identity.unlock(LOCKED, passphrase, where="the file")
    assert caught.value.where == "the file"


@pytest.mark.parametrize("passphrase", ["", "eleven char"])
def test_a_short_passphrase_is_refused(passphrase: str) -> None:
    with pytest.raises(IdentityError, match="fewer than 12"):
        ALICE.lock(passphrase, random=drawn("lock"))


def test_the_card_shows_without_the_passphrase() -> None:
    assert card_of(LOCKED, where="file") == ALICE.card


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(LOCKED) - 1), st.integers(1, 255))
def test_any_damaged_byte_is_refused_while_reading_the_head(place: int, mask: int) -> None:
    """All that is checked before the slow part; the test below goes through to the end."""
    data = bytearray(LOCKED)
    data[place] ^= mask
    try:
        card_of(bytes(data), where="file")
    except IdentityError:
        return
    # The reader did not notice: only the seal can, and what it covers has been changed.
    assert json.loads(data) != json.loads(LOCKED)


@settings(deadline=None, max_examples=12)
@given(st.integers(0, len(LOCKED) - 1), st.integers(1, 255))
def test_any_damaged_byte_is_refused(place: int, mask: int) -> None:
    data = bytearray(LOCKED)
    data[place] ^= mask
    with pytest.raises(IdentityError):
        Identity.unlock(bytes(data), PASSPHRASE, where="file")


@pytest.mark.parametrize("part", ["name", "salt", "sealed", "signing", "receiving"])
def test_a_change_that_keeps_the_form_is_refused(part: str) -> None:
    document = json.loads(LOCKED)
    other = identity("Bob").card.to_json()
    if part == "sealed":
        raw = bytearray(decode(document["sealed"]))
        raw[-1] ^= 1
        document["sealed"] = encode(bytes(raw))
    elif part == "salt":
        document["argon2id"]["salt"] = encode(bytes(16))
    else:
        document["card"][part] = other[part]
    with pytest.raises(IdentityError, match="does not open"):
        Identity.unlock(canonical(document), PASSPHRASE, where="file")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        LOCKED[:-1],
        LOCKED + b"}",
        b"[]",
        b"null",
        b"{}",
        canonical(ALICE.card.to_json()),
        damaged(version=2),
        damaged(counterfoil="card"),
        damaged(argon2id=None),
        damaged(argon2id={}),
        damaged(argon2id={**json.loads(LOCKED)["argon2id"], "memory_kib": 8}),
        damaged(argon2id={**json.loads(LOCKED)["argon2id"], "iterations": 1}),
        damaged(argon2id={**json.loads(LOCKED)["argon2id"], "salt": ""}),
        damaged(argon2id={**json.loads(LOCKED)["argon2id"], "salt": None}),
        damaged(argon2id={**json.loads(LOCKED)["argon2id"], "more": 1}),
        damaged(argon2id=dict.fromkeys(("iterations", "lanes", "memory_kib"), 1)),
        damaged(sealed=""),
        damaged(sealed="AAAA"),
        damaged(sealed="not base64url!"),
        damaged(sealed=None),
        damaged(card=None),
        damaged(more=1),
    ],
    ids=range(23),
)
def test_what_is_not_an_identity_file_is_refused(data: bytes) -> None:
    with pytest.raises(IdentityError):
        Identity.unlock(data, PASSPHRASE, where="file")
    with pytest.raises(IdentityError):
        card_of(data, where="file")


def test_keys_under_the_card_of_another_are_refused() -> None:
    """What a faulty tool could seal: everything fits but the card."""
    mixed = Identity.create("Mallory", random=drawn("mallory"))
    mixed.card = ALICE.card
    data = mixed.lock(PASSPHRASE, random=drawn("lock"))
    assert card_of(data, where="file") == ALICE.card
    with pytest.raises(IdentityError, match="not that of the keys"):
        Identity.unlock(data, PASSPHRASE, where="file")


def test_a_passphrase_never_shows_in_an_error() -> None:
    with pytest.raises(IdentityError) as caught:
        Identity.unlock(LOCKED, "another passphrase", where="file")
    assert "another passphrase" not in f"{caught.value!r} {caught.value}"


def test_nothing_shows_a_private_key() -> None:
    seed, seeds, secret = bytes(range(32)), bytes(range(100, 196)), bytes(range(200, 232))
    receiving = ReceivingKey(seeds)
    party = Identity("Carol", signing_seed=seed, receiving=receiving)
    linkage = Secret(secret, agreement="ab" * 32)
    shown = " ".join(
        text
        for one in (party, receiving, linkage, party.receiving, party.card, receiving.address)
        for text in (repr(one), str(one), f"{one}", repr([one]), repr(getattr(one, "__dict__", None)))
    )
    for key in (seed, seeds[:64], seeds[64:], secret):
        for part in (key[:16], key[16:32]):
            forms = [repr(part)[2:-1], part.hex(), part.hex(" "), encode(part)[:20]]
            forms += [base64.b64encode(part).decode()[:20], part.decode("latin-1"), str(int.from_bytes(part, "big"))]
            assert not [form for form in forms if form in shown]
    assert "Carol" in shown


@pytest.mark.parametrize("one", [ALICE, ALICE.receiving, Secret(bytes(32), agreement="ab" * 32)], ids=type)
def test_private_keys_are_not_pickled(one: object) -> None:
    with pytest.raises((TypeError, SecretError), match="pickle"):
        pickle.dumps(one)


def test_a_signature_is_good_for_one_label_one_message_and_one_party() -> None:
    signature = ALICE.sign(b"message", label="one")
    ALICE.card.verify(signature, b"message", label="one")
    wrong = [
        (ALICE, signature, b"message", "two"),
        (ALICE, signature, b"messagf", "one"),
        (ALICE, signature, b"", "one"),
        (identity("Bob"), signature, b"message", "one"),
        (ALICE, signature[:-1], b"message", "one"),
        (ALICE, signature + b"\0", b"message", "one"),
        (ALICE, b"", b"message", "one"),
    ]
    for party, given_signature, message, label in wrong:
        with pytest.raises(SignatureError):
            party.card.verify(given_signature, message, label=label)


@given(st.text(max_size=8), st.binary(max_size=8), st.text(max_size=8), st.binary(max_size=8))
def test_labels_and_messages_do_not_run_into_each_other(one: str, first: bytes, two: str, second: bytes) -> None:
    signature = ALICE.sign(first, label=one)
    if (one, first) == (two, second):
        ALICE.card.verify(signature, second, label=two)
    else:
        with pytest.raises(SignatureError):
            ALICE.card.verify(signature, second, label=two)


CARD = ALICE.card.to_json()


def test_a_card_reads_back() -> None:
    read = Card.from_json(json.loads(canonical(CARD)))
    assert read == ALICE.card
    assert read.fingerprint == ALICE.card.fingerprint


def test_the_fingerprint_is_of_every_field() -> None:
    bob = identity("Bob").card
    alice = ALICE.card
    cards = [
        alice,
        Card("Alicia", alice.signing, alice.receiving),
        Card("Alice", bob.signing, alice.receiving),
        Card("Alice", alice.signing, bob.receiving),
        Card("Alice", alice.signing, ReceivingAddress(alice.receiving.mlkem768, bob.receiving.x25519)),
        Card("Alice", alice.signing, ReceivingAddress(bob.receiving.mlkem768, alice.receiving.x25519)),
    ]
    assert len({card.fingerprint for card in cards}) == len(cards)


@pytest.mark.parametrize("name", CARD)
def test_a_card_without_a_field_is_refused(name: str) -> None:
    with pytest.raises(IdentityError):
        Card.from_json({key: value for key, value in CARD.items() if key != name})


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "card",
        {},
        {**CARD, "more": 1},
        {**CARD, "version": 2},
        {**CARD, "counterfoil": "agreement"},
        {**CARD, "name": ""},
        {**CARD, "name": "x" * 101},
        {**CARD, "name": "two\nlines"},
        {**CARD, "name": "bold \x1b[1m"},
        {**CARD, "name": "turned \u202e round"},
        {**CARD, "name": 7},
        {**CARD, "signing": None},
        {**CARD, "signing": ""},
        {**CARD, "signing": CARD["signing"][:-1]},
        {**CARD, "signing": CARD["signing"] + "="},
        {**CARD, "signing": "+" + CARD["signing"][1:]},
        {**CARD, "receiving": None},
        {**CARD, "receiving": {}},
        {**CARD, "receiving": {**CARD["receiving"], "more": ""}},
        {**CARD, "receiving": {**CARD["receiving"], "x25519": ""}},
        {**CARD, "receiving": {**CARD["receiving"], "x25519": encode(bytes(31))}},
        {**CARD, "receiving": {**CARD["receiving"], "mlkem768": encode(bytes(1183))}},
        {**CARD, "receiving": {**CARD["receiving"], "mlkem768": encode(b"\xff" * 1184)}},
        {**CARD, "version": True},
    ],
    ids=range(26),
)
def test_what_is_not_a_card_is_refused(document: Any) -> None:
    with pytest.raises(IdentityError):
        Card.from_json(document)


@pytest.mark.parametrize("name", ["", "x" * 101, "two\nlines"])
def test_an_identity_gets_only_a_name_that_a_card_may_have(name: str) -> None:
    with pytest.raises(IdentityError):
        Identity.create(name, random=drawn("create"))


def test_identities_come_from_the_random_bytes_alone() -> None:
    one, same, other = (Identity.create("x", random=drawn(seed)) for seed in ("1", "1", "2"))
    assert one.card == same.card
    assert one.card != other.card


# Receiving keys.


def test_what_is_sealed_opens_for_its_receiver_and_info_only() -> None:
    sealed = ALICE.card.receiving.seal(b"hello", info=b"info")
    assert ALICE.receiving.open(sealed, info=b"info") == b"hello"
    assert ALICE.card.receiving.seal(b"hello", info=b"info") != sealed
    for key, info in ((ALICE.receiving, b"other"), (identity("Bob").receiving, b"info")):
        with pytest.raises(EnvelopeError):
            key.open(sealed, info=info)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 1168 + 4), st.integers(1, 255))
def test_no_damaged_byte_opens(place: int, mask: int) -> None:
    sealed = bytearray(ALICE.card.receiving.seal(b"hello", info=b""))
    sealed[place % len(sealed)] ^= mask
    with pytest.raises(EnvelopeError):
        ALICE.receiving.open(bytes(sealed), info=b"")


@settings(deadline=None)
@given(st.binary(max_size=1300))
def test_no_other_bytes_open(data: bytes) -> None:
    with pytest.raises(EnvelopeError):
        ALICE.receiving.open(data, info=b"")


@pytest.mark.parametrize("low", [bytes(32), b"\1" + bytes(31)])
def test_nothing_is_sealed_to_a_key_that_everybody_could_open(low: bytes) -> None:
    address = ReceivingAddress(ALICE.card.receiving.mlkem768, low)
    with pytest.raises(IdentityError):
        address.seal(b"hello", info=b"")


@pytest.mark.parametrize("length", [0, 95, 97])
def test_seeds_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(IdentityError):
        ReceivingKey(bytes(length))


def test_storage_keys_differ_by_label_and_key_and_come_back() -> None:
    again = ReceivingKey(ALICE.receiving.seeds())
    assert again.address == ALICE.receiving.address
    assert again.storage_key("a") == ALICE.receiving.storage_key("a")
    keys = {
        ALICE.receiving.storage_key("a"),
        ALICE.receiving.storage_key("b"),
        identity("Bob").receiving.storage_key("a"),
    }
    assert len(keys) == 3


@given(st.binary(max_size=64))
def test_base64url_reads_back(data: bytes) -> None:
    text = encode(data)
    assert decode(text) == data
    assert text == base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize(
    "text", ["A", "AA=", "AA==", "AB", "A A", "AA\n", "+/+/", "é", "\ud800", None, 7, b"AAAA"], ids=repr
)
def test_there_is_one_text_for_the_same_bytes(text: Any) -> None:
    with pytest.raises(IdentityError):
        decode(text)
