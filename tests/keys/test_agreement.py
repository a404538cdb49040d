"""Agreements: one id for one content, in force only when every party has signed it."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.agreement import Agreement, Party, Role
from keys.canonical import canonical, parse
from keys.errors import AgreementError, KeysError, SignatureError
from keys.statement import Statement, declare
from tests.doors import HOLDERS, NOW, identity, signed, small_terms, unsigned

TERMS = small_terms()
UNSIGNED = unsigned(TERMS)
SIGNED = signed(TERMS)
DOCUMENT = SIGNED.to_json()
Path = tuple[str | int, ...]


def read(document: Any) -> Agreement:
    return Agreement.from_json(parse(canonical(document), where="test"))


def leaves(document: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(document, dict):
        for name, value in document.items():
            yield from leaves(value, (*path, name))
    elif isinstance(document, list):
        for place, value in enumerate(document):
            yield from leaves(value, (*path, place))
    else:
        yield path, document


def replaced(path: Path, value: Any, document: Any = None) -> dict[str, Any]:
    made: dict[str, Any] = copy.deepcopy(document or UNSIGNED.to_json())
    place: Any = made
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return made


def others(value: Any) -> list[Any]:
    """Values like this one, but not it."""
    if isinstance(value, str):
        words = ["open", "forename", "unigrams", "SHA512", "many", "allow", "any number", "report", "keep"]
        words += ["2027-12-31T00:00:00+00:01", value + "x"]
        return [word for word in words if word != value]
    if isinstance(value, float):
        return [value / 2, value * 1.01]
    numbers = [value + 1, value - 1, value * 2, value // 2] if isinstance(value, int) else ["x"]
    return [number for number in numbers if number != value]


def test_an_agreement_reads_back_with_its_signatures() -> None:
    again = read(DOCUMENT)
    assert again == SIGNED
    assert again.id == SIGNED.id == UNSIGNED.id
    assert len(again.id) == 64
    again.require_in_force(NOW)


@pytest.mark.parametrize(
    ("path", "value"), [*leaves(UNSIGNED.content())], ids=lambda one: "" if isinstance(one, tuple) else None
)
def test_another_value_anywhere_makes_another_id_or_no_agreement(path: Path, value: Any) -> None:
    for other in others(value):
        try:
            agreement = read(replaced(path, other))
        except KeysError:
            continue
        assert agreement.id != UNSIGNED.id
        with pytest.raises((AgreementError, SignatureError)):
            agreement.with_signatures(SIGNED.signatures)


def test_most_terms_can_be_changed_at_all() -> None:
    """So that the test above is not about refusals alone."""
    changeable = set()
    for path, value in leaves(UNSIGNED.content()["terms"], ("terms",)):
        for other in others(value):
            try:
                read(replaced(path, other))
            except KeysError:
                continue
            changeable.add(path)
    fixed = {path[-1] for path, _ in leaves(UNSIGNED.content()["terms"], ("terms",))} - {
        path[-1] for path in changeable
    }
    one_choice = {"version", "hash", "method", "kind", "accept_unhardened"}
    assert one_choice >= {name for name in fixed if isinstance(name, str)}


@pytest.mark.parametrize("path", [("terms", "holders"), ("terms", "match_keys"), ("parties",)], ids=str)
def test_another_order_makes_another_id(path: Path) -> None:
    document = UNSIGNED.to_json()
    place: Any = document
    for name in path:
        place = place[name]
    assert read(replaced(path, list(reversed(place)))).id != UNSIGNED.id


def test_the_order_of_names_does_not_matter() -> None:
    turned = json.loads(json.dumps(DOCUMENT, sort_keys=True))
    assert Agreement.from_json(turned).id == SIGNED.id


@pytest.mark.parametrize("party", UNSIGNED.parties, ids=lambda party: party.name)
def test_nothing_runs_before_every_party_has_signed(party: Party) -> None:
    rest = [one for one in SIGNED.signatures if one.signer != party.card.fingerprint]
    agreement = UNSIGNED.with_signatures(rest)
    assert agreement.unsigned() == (party,)
    for check in (agreement.require_signed, lambda: agreement.require_in_force(NOW)):
        with pytest.raises(AgreementError, match=f"not signed by {party.name}\\."):
            check()
    completed = agreement.with_signatures([agreement.sign(identity(party.card.name))])
    assert completed == SIGNED
    completed.require_in_force(NOW)


def test_all_who_have_not_signed_are_named() -> None:
    assert UNSIGNED.unsigned() == UNSIGNED.parties
    with pytest.raises(AgreementError) as caught:
        UNSIGNED.require_in_force(NOW)
    assert all(party.name in str(caught.value) for party in UNSIGNED.parties)


def test_an_agreement_ends_at_the_moment_it_says() -> None:
    end = SIGNED.terms.expires_at()
    SIGNED.require_in_force(end - timedelta(microseconds=1))
    for moment in (end, end + timedelta(days=1), datetime(9999, 1, 1, tzinfo=UTC)):
        with pytest.raises(AgreementError, match="expired"):
            SIGNED.require_in_force(moment)
    SIGNED.require_signed()


def test_an_outsider_can_neither_sign_nor_be_counted() -> None:
    with pytest.raises(AgreementError, match="not a party"):
        UNSIGNED.sign(identity("Eve"))
    forged = declare(identity("Eve"), "agreement signature", {"agreement": UNSIGNED.id})
    with pytest.raises(AgreementError, match="not a party"):
        UNSIGNED.with_signatures([forged])


@pytest.mark.parametrize("kind", ["agreement signature", "receipt"])
@pytest.mark.parametrize(
    "body", [{}, {"agreement": "ab" * 32}, {"agreement": "ID", "more": 1}, {"agreement": "ID"}], ids=str
)
def test_only_the_signature_of_this_very_id_counts(kind: str, body: dict[str, Any]) -> None:
    body = {key: UNSIGNED.id if value == "ID" else value for key, value in body.items()}
    one = declare(identity("broker"), kind, body)
    if kind == "agreement signature" and body == {"agreement": UNSIGNED.id}:
        assert UNSIGNED.with_signatures([one]).signatures == (one,)
    else:
        with pytest.raises((AgreementError, SignatureError)):
            UNSIGNED.with_signatures([one])


def test_a_signature_does_not_serve_for_another_party() -> None:
    of_broker = UNSIGNED.sign(identity("broker"))
    posing = Statement(of_broker.kind, of_broker.body, identity("recipient").card.fingerprint, of_broker.signature)
    with pytest.raises(SignatureError):
        UNSIGNED.with_signatures([posing])


def test_signing_twice_counts_once() -> None:
    again = SIGNED.with_signatures([SIGNED.sign(identity("broker"))])
    assert again == SIGNED


def test_a_file_with_a_false_signature_is_refused_whole() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["signatures"][0]["signature"] = document["signatures"][1]["signature"]
    with pytest.raises(SignatureError):
        read(document)


# Who is who.


def test_parties_are_found_by_role_name_and_card() -> None:
    assert [party.name for party in SIGNED.holders()] == list(HOLDERS)
    turned = replace(SIGNED, parties=tuple(reversed(SIGNED.parties)))
    assert [party.name for party in turned.holders()] == list(HOLDERS)
    assert SIGNED.sole(Role.BROKER).card == identity("broker").card
    assert SIGNED.sole(Role.RECIPIENT).card == identity("recipient").card
    found = SIGNED.party(identity("icb-lead").card.fingerprint)
    assert found is not None
    assert (found.role, found.of) == (Role.IG_LEAD, "icb")
    assert SIGNED.party(identity("Eve").card.fingerprint) is None


def party(role: Role, name: str, card: str, of: str | None = None) -> Party:
    return Party(role, name, identity(card).card, of)


_COUNCIL, _ICB, _COUNCIL_LEAD, _ICB_LEAD, _BROKER, _RECIPIENT = UNSIGNED.parties
_WRONG = {
    "no broker": [_COUNCIL, _ICB, _RECIPIENT],
    "two brokers": [*UNSIGNED.parties, party(Role.BROKER, "second", "Eve")],
    "no recipient": [_COUNCIL, _ICB, _BROKER],
    "two recipients": [*UNSIGNED.parties, party(Role.RECIPIENT, "second", "Eve")],
    "a holder is missing": [_COUNCIL, _BROKER, _RECIPIENT],
    "no holder": [_BROKER, _RECIPIENT],
    "a holder too many": [*UNSIGNED.parties, party(Role.HOLDER, "school", "Eve")],
    "a holder twice": [*UNSIGNED.parties, party(Role.HOLDER, "icb", "Eve")],
    "an IG lead of nobody": [*UNSIGNED.parties, party(Role.IG_LEAD, "lead", "Eve")],
    "an IG lead of no holder": [*UNSIGNED.parties, party(Role.IG_LEAD, "lead", "Eve", of="school")],
    "a broker of a holder": [_COUNCIL, _ICB, _RECIPIENT, party(Role.BROKER, "broker", "broker", of="icb")],
    "one card for two": [_COUNCIL, _ICB, _RECIPIENT, party(Role.BROKER, "broker", "council")],
    "one name for two": [*UNSIGNED.parties, party(Role.IG_LEAD, "broker", "Eve", of="icb")],
    "nobody": [],
}


@pytest.mark.parametrize("parties", _WRONG.values(), ids=_WRONG)
def test_every_role_is_filled_as_the_rules_say(parties: list[Party]) -> None:
    with pytest.raises(AgreementError):
        Agreement(TERMS, tuple(parties))


def test_every_holder_has_one_ig_lead_or_more() -> None:
    Agreement(TERMS, (*UNSIGNED.parties, party(Role.IG_LEAD, "deputy", "Eve", of="icb")))
    with pytest.raises(AgreementError, match="IG lead"):
        Agreement(TERMS, tuple(one for one in UNSIGNED.parties if one.of != "icb"))


@pytest.mark.parametrize("name", ["", "x" * 101, "two\nlines", "\x1b[2Jcleared", "\u202eturned"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    document = SIGNED.to_json()
    document["parties"][-1] = {**document["parties"][-1], "name": name}
    with pytest.raises(AgreementError, match="cannot be shown"):
        Agreement.from_json(document)


# Documents.

_VALUES = [None, 7, True, "text", [], {}, [None], [7], ["x"], {"a": 1}]


@pytest.mark.parametrize(
    "path",
    [
        *[(name,) for name in DOCUMENT],
        *[("parties", 0, name) for name in DOCUMENT["parties"][0]],
        ("parties", 0),
        ("signatures", 0),
        *[("signatures", 0, name) for name in DOCUMENT["signatures"][0]],
    ],
    ids=lambda path: ".".join(map(str, path)),
)
@pytest.mark.parametrize("value", _VALUES, ids=repr)
def test_what_is_not_an_agreement_is_refused(path: Path, value: Any) -> None:
    if path == ("signatures",) and value == []:
        value = "text"  # no signatures at all are a draft, not a fault
    if path == ("parties", 0, "of") and value is None:
        value = "text"
    with pytest.raises(KeysError):
        read(replaced(path, value, DOCUMENT))


@pytest.mark.parametrize("name", DOCUMENT)
def test_missing_and_unknown_parts_are_refused(name: str) -> None:
    for document in ({key: DOCUMENT[key] for key in DOCUMENT if key != name}, {**DOCUMENT, "more": 1}):
        with pytest.raises(AgreementError, match="not an agreement"):
            read(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("terms", "version"), True),
        (("terms", "minimum_rows"), "2"),
        (("terms", "encoding", "length"), "1024"),
        (("parties", 0, "card", "version"), True),
    ],
    ids=str,
)
def test_an_agreement_has_one_spelling_only(path: Path, value: Any) -> None:
    """Read as the same terms, these would have the same id and other bytes."""
    with pytest.raises(KeysError):
        read(replaced(path, value, DOCUMENT))
    unstated = copy.deepcopy(DOCUMENT)
    del unstated["terms"]["encoding"]["accept_unhardened"]
    with pytest.raises(AgreementError, match="signed form"):
        read(unstated)


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.integers(-9, 9) | st.text(max_size=4),
        lambda one: st.lists(one) | st.dictionaries(st.sampled_from([*DOCUMENT, "x"]), one),
        max_leaves=8,
    )
)
def test_no_document_does_more_than_be_refused(document: Any) -> None:
    with pytest.raises(KeysError):
        read(document)
