"""Signed statements: what a party declared, under one kind, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.canonical import canonical
from keys.errors import SignatureError
from keys.statement import Statement, declare
from tests.doors import identity

ALICE = identity("Alice")
BODY = {"run": "1", "links": 7, "nested": {"list": [1, "two", None]}}
STATEMENT = declare(ALICE, "receipt", BODY)
DOCUMENT = STATEMENT.to_json()


def test_a_statement_reads_back_and_verifies() -> None:
    read = Statement.from_json(json.loads(canonical(DOCUMENT)))
    assert read.verify(ALICE.card, kind="receipt") == BODY


def test_another_kind_or_party_is_refused() -> None:
    for card, kind in ((ALICE.card, "approval"), (identity("Bob").card, "receipt")):
        with pytest.raises(SignatureError):
            STATEMENT.verify(card, kind=kind)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "approval"},
        {"body": {**BODY, "links": 8}},
        {"body": {}},
        {"signer": identity("Bob").card.fingerprint},
        {"signature": declare(identity("Bob"), "receipt", BODY).to_json()["signature"]},
        {"signature": declare(ALICE, "approval", BODY).to_json()["signature"]},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_a_changed_statement_is_refused(changes: dict[str, Any]) -> None:
    changed = Statement.from_json({**DOCUMENT, **changes})
    for card in (ALICE.card, identity("Bob").card):
        for kind in ("receipt", "approval"):
            with pytest.raises(SignatureError):
                changed.verify(card, kind=kind)


def test_a_statement_is_not_a_plain_signature() -> None:
    with pytest.raises(SignatureError):
        ALICE.card.verify(STATEMENT.signature, canonical(BODY), label="receipt")


@pytest.mark.parametrize("name", DOCUMENT)
@pytest.mark.parametrize("value", [None, 7, [], "é", ""], ids=repr)
def test_what_is_not_a_statement_is_refused(name: str, value: Any) -> None:
    with pytest.raises(SignatureError):
        Statement.from_json({**DOCUMENT, name: value}).verify(ALICE.card, kind="receipt")
    with pytest.raises(SignatureError):
        Statement.from_json({key: DOCUMENT[key] for key in DOCUMENT if key != name})


@pytest.mark.parametrize("document", [None, [], "text", {}, {**DOCUMENT, "more": 1}], ids=range(5))
def test_missing_and_unknown_fields_are_refused(document: Any) -> None:
    with pytest.raises(SignatureError):
        Statement.from_json(document)


@given(st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=5), max_size=4))
def test_the_order_of_a_body_does_not_matter(body: dict[str, Any]) -> None:
    statement = declare(ALICE, "test", body)
    turned = dict(reversed(body.items()))
    read = Statement.from_json({**statement.to_json(), "body": turned})
    assert read.verify(ALICE.card, kind="test") == body
