"""Signed requests: good for one method, target, body, broker and moment."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.errors import SignatureError
from keys.identity import Card
from keys.request import CLOCK_SKEW, COVERED, LIFETIME, Message, content_digest, digest_header, sign_request, tag_of
from keys.request import verify_request as verify
from tests.doors import NOW, drawn, identity

ALICE, BROKER = identity("Alice"), identity("broker").card.fingerprint
URL = "https://broker.example/v1/agreements/ab?part=1"
BODY = b'{"some":"body"}'


def cards(fingerprint: str) -> Card | None:
    return ALICE.card if fingerprint == ALICE.card.fingerprint else None


def message(**changes: Any) -> Message:
    options = {"identity": ALICE, "broker": BROKER, "now": NOW, "random": drawn("request"), **changes}
    made = Message("POST", URL, {"Content-Digest": content_digest(BODY), "User-Agent": "test"})
    sign_request(made, **options)
    return made


def accepted(made: Message, **changes: Any) -> Any:
    return verify(made, **{"broker": BROKER, "card_of": cards, "now": NOW, **changes})


class _Key(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id: str) -> Any:
        return ALICE.signing_key()

    def resolve_public_key(self, key_id: str) -> Any:
        raise AssertionError("this one only signs")


def signed_by_hand(**changes: Any) -> Message:
    """A request signed by a party with another tool, one thing of it being unusual."""
    options: dict[str, Any] = {
        "key_id": ALICE.card.fingerprint,
        "created": NOW,
        "expires": NOW + LIFETIME,
        "nonce": "n" * 22,
        "label": "counterfoil",
        "tag": tag_of(BROKER),
        "covered_component_ids": COVERED,
        "use_existing_digest": True,
    }
    made = Message("POST", URL, {"Content-Digest": content_digest(BODY)})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_Key())
    signer.sign(made, **{**options, **changes})
    return made


def test_a_good_request_names_its_signer() -> None:
    signer = accepted(message())
    assert signer.fingerprint == ALICE.card.fingerprint
    assert signer.kept_until == NOW + LIFETIME + CLOCK_SKEW
    assert len(signer.nonce) == 22
    accepted(signed_by_hand())


def test_headers_arrive_in_small_letters() -> None:
    made = message()
    made.headers = {name.lower(): value for name, value in made.headers.items()}
    accepted(made)


def test_the_digest_is_that_of_rfc_9530() -> None:
    # RFC 9530, appendix D: the SHA-256 of this body.
    assert content_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    assert digest_header(hashlib.sha256(BODY).digest()) == content_digest(BODY)


def test_every_request_has_its_own_nonce() -> None:
    random = drawn("nonces")
    assert len({accepted(message(random=random)).nonce for _ in range(20)}) == 20


_CHANGES: dict[str, Callable[[Message], Any]] = {
    "method": lambda made: setattr(made, "method", "PUT"),
    "method in small letters": lambda made: setattr(made, "method", "post"),
    "path": lambda made: setattr(made, "url", URL.replace("/ab", "/cd")),
    "longer path": lambda made: setattr(made, "url", URL.replace("?", "/?")),
    "query": lambda made: setattr(made, "url", URL.replace("part=1", "part=2")),
    "no query": lambda made: setattr(made, "url", URL.split("?")[0]),
    "more query": lambda made: setattr(made, "url", URL + "&all=1"),
    "digest": lambda made: made.headers.update({"Content-Digest": content_digest(b"another body")}),
    "no digest": lambda made: made.headers.pop("Content-Digest"),
    "no signature": lambda made: made.headers.pop("Signature"),
    "no input": lambda made: made.headers.pop("Signature-Input"),
    "neither": lambda made: [made.headers.pop("Signature"), made.headers.pop("Signature-Input")],
    "not a url": lambda made: setattr(made, "url", "elsewhere"),
    "not ASCII": lambda made: setattr(made, "url", URL + "&name=Zoë"),
}


@pytest.mark.parametrize("change", _CHANGES.values(), ids=_CHANGES)
def test_a_changed_request_is_refused(change: Callable[[Message], Any]) -> None:
    made = message()
    change(made)
    with pytest.raises(SignatureError):
        accepted(made)


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("tag", tag_of(ALICE.card.fingerprint)),
        ("keyid", identity("Bob").card.fingerprint),
        ("nonce", "another nonce of 22 ab"),
        ("alg", "hmac-sha256"),
        ("alg", "ecdsa-p256-sha256"),
    ],
)
def test_a_changed_parameter_is_refused(part: str, other: str) -> None:
    made = message()
    before = made.headers["Signature-Input"]
    value = before.split(f'{part}="')[1].split('"')[0]
    made.headers["Signature-Input"] = before.replace(f'{part}="{value}"', f'{part}="{other}"')
    assert made.headers["Signature-Input"] != before
    everybody = {one.card.fingerprint: one.card for one in (ALICE, identity("Bob"))}
    for broker in (BROKER, ALICE.card.fingerprint):
        with pytest.raises(SignatureError):
            accepted(made, card_of=everybody.get, broker=broker)


@pytest.mark.parametrize("part", ["created", "expires"])
@pytest.mark.parametrize("seconds", [-1, 1, 3600])
def test_a_changed_time_is_refused(part: str, seconds: int) -> None:
    made = message()
    value = made.headers["Signature-Input"].split(f"{part}=")[1].split(";")[0]
    changed = made.headers["Signature-Input"].replace(f"{part}={value}", f"{part}={int(value) + seconds}")
    made.headers["Signature-Input"] = changed
    with pytest.raises(SignatureError):
        accepted(made)


def test_a_signer_that_is_not_known_is_refused() -> None:
    with pytest.raises(SignatureError, match="that this broker knows"):
        accepted(message(identity=identity("Eve")))
    with pytest.raises(SignatureError):
        accepted(message(), card_of=lambda _: None)


def test_a_signature_of_someone_else_under_my_name_is_refused() -> None:
    with pytest.raises(SignatureError):
        accepted(message(identity=identity("Eve")), card_of=lambda _: ALICE.card)


def test_a_request_to_another_broker_is_refused() -> None:
    with pytest.raises(SignatureError):
        accepted(message(broker=identity("another broker").card.fingerprint))


@pytest.mark.parametrize("offset", [-CLOCK_SKEW, timedelta(0), LIFETIME, LIFETIME + CLOCK_SKEW])
def test_a_clock_that_is_a_little_off_is_accepted(offset: timedelta) -> None:
    accepted(message(), now=NOW + offset)


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (-CLOCK_SKEW - timedelta(seconds=1), "121 seconds ahead"),
        (-timedelta(days=400), "34560000 seconds ahead"),
        (LIFETIME + CLOCK_SKEW + timedelta(seconds=1), "421 seconds behind"),
        (timedelta(days=400), "34560000 seconds behind"),
    ],
)
def test_a_clock_that_is_far_off_is_named(offset: timedelta, words: str) -> None:
    with pytest.raises(SignatureError, match=words) as caught:
        accepted(message(), now=NOW + offset)
    assert "clock" in caught.value.remedy


@pytest.mark.parametrize(
    "changes",
    [
        *[{"covered_component_ids": [one for one in COVERED if one != left_out]} for left_out in COVERED],
        {"covered_component_ids": []},
        {"expires": NOW + LIFETIME + timedelta(seconds=1)},
        {"expires": NOW + timedelta(days=3650)},
        {"expires": None},
        {"nonce": None},
        {"nonce": ""},
        {"nonce": "short"},
        {"nonce": "x" * 65},
        {"tag": None},
        {"tag": "counterfoil:"},
        {"key_id": ""},
    ],
    ids=str,
)
def test_a_party_that_signs_too_little_or_too_long_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SignatureError):
        accepted(signed_by_hand(**changes))


def test_a_request_that_lives_too_long_is_not_blamed_on_the_clock() -> None:
    with pytest.raises(SignatureError, match="longer than 5 minutes"):
        accepted(signed_by_hand(expires=NOW + LIFETIME + timedelta(seconds=1)))


def test_the_label_is_free_and_the_algorithm_need_not_be_named() -> None:
    accepted(signed_by_hand(label="other", include_alg=False))


def test_two_signatures_are_refused() -> None:
    made = message()
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_Key())
    signer.sign(
        made, key_id=ALICE.card.fingerprint, created=NOW, expires=NOW + LIFETIME, nonce="n" * 22, label="second",
        tag=tag_of(BROKER), covered_component_ids=COVERED, use_existing_digest=True, append_if_signature_exists=True,
    )  # fmt: skip
    with pytest.raises(SignatureError):
        accepted(made)


_TEXT = st.text(st.characters(codec="latin-1"), max_size=60)


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(["Signature", "Signature-Input", "Content-Digest"]), st.integers(0, 400), _TEXT, st.integers(0, 30)
)
def test_no_header_does_more_than_be_refused(name: str, place: int, piece: str, cut: int) -> None:
    made = message()
    before = made.headers[name]
    made.headers[name] = before[:place] + piece + before[place + cut :]
    try:
        signer = accepted(made)
    except SignatureError:
        return
    # Another spelling of the same signature may pass; never another body, signer or nonce.
    assert name != "Content-Digest" or made.headers[name].strip() == before
    assert signer == accepted(message())
