"""Agreements: their id, their signatures, when they are in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.vectors.making.case import Case, Folder, without
from tests.vectors.making.cast import ID, NAMES, PARTIES, STRANGER, TERMS, agreed, agreement_id, in_role, party

_AGREEMENT = Folder("agreement")
_NOW = "2026-06-01T12:00:00+00:00"


def cases() -> Iterator[Case]:
    good = agreed()
    unhardened = {**TERMS["encoding"], "hardening": None, "accept_unhardened": "A made-up reason"}
    plain = {**TERMS, "encoding": unhardened, "release": "open"}
    deputy = (*PARTIES, in_role("ig-lead", "icb-deputy", "icb"))
    turned = {**good, "signatures": good["signatures"][::-1]}
    for name, about, agreement, now in (
        ("signed-by-all", "An agreement that every party has signed.", good, _NOW),
        ("signatures-in-any-order", "The order of signatures is not part of it.", turned, _NOW),
        ("last-second", "In force until the second before it expires.", good, "2026-12-31T23:59:59+00:00"),
        ("without-hardening", "No hardening, with the reason for it, and an open release.", agreed(plain), _NOW),
        (
            "duplicates-linked",
            "Several rows of one holder in a link, those of its own file too.",
            agreed(_deciding(rows_of_one_holder="any number", duplicates="link")),
            _NOW,
        ),
        (
            "two-ig-leads",
            "A holder with two IG leads.",
            agreed(parties=deputy, signers=[one["name"] for one in deputy]),
            _NOW,
        ),
    ):
        expected = {"id": agreement_id(agreement["terms"], agreement["parties"])}
        yield _AGREEMENT.accept(name, about, {"agreement": agreement, "now": now}, expected)
    yield from _refused(good)


def _refused(good: Mapping[str, Any]) -> Iterator[Case]:
    broker = party("broker")
    signatures: Sequence[Any] = good["signatures"]
    others = [one for one in signatures if one["signer"] != broker.fingerprint]
    swapped = {**party("recipient").card, "receiving": party(STRANGER).receiving}
    parties = [*PARTIES[:-1], {**PARTIES[-1], "card": swapped}]
    namesake = {**in_role("ig-lead", "icb-deputy", "icb"), "name": "icb-lead"}
    bits = [TERMS["match_keys"][0], {**TERMS["match_keys"][1], "minimum_bits": "120"}]

    def termed(**changes: Any) -> dict[str, Any]:
        """Changed terms that all have signed."""
        return agreed({**TERMS, **changes})

    def signed_also(kind: str, **body: Any) -> dict[str, Any]:
        return {**good, "signatures": [*others, broker.declare(kind, body)]}

    for name, about, agreement in (
        (
            "changed-after-signing",
            "A term was changed after signing.",
            {**good, "terms": {**TERMS, "retention_hours": 73}},
        ),
        (
            "swapped-recipient-key",
            "The recipient's receiving key was exchanged after signing.",
            {**good, "parties": parties},
        ),
        ("not-signed-by-one", "One party has not signed.", {**good, "signatures": others}),
        (
            "signed-by-a-stranger",
            "Somebody has signed who is not a party.",
            {**good, "signatures": [*signatures, party(STRANGER).declare("agreement signature", {"agreement": ID})]},
        ),
        (
            "signature-of-another-agreement",
            "One party has signed another agreement.",
            signed_also("agreement signature", agreement="ab" * 32),
        ),
        (
            "signature-of-another-kind",
            "One party has signed the id, but not as an agreement.",
            signed_also("approval", agreement=ID),
        ),
        ("two-brokers", "Two brokers.", _with((*PARTIES, in_role("broker", "second")))),
        (
            "holder-without-ig-lead",
            "A holder has no IG lead who could refuse a release.",
            _with([*PARTIES[:3], *PARTIES[4:]]),
        ),
        (
            "one-card-twice",
            "One card for the broker and the recipient.",
            _with([*PARTIES[:-1], {**PARTIES[-1], "card": broker.card}], without_last=True),
        ),
        (
            "one-name-twice",
            "Two IG leads of one name, so that nobody could tell whose approval it was.",
            agreed(parties=(*PARTIES, namesake), signers=[*NAMES, "icb-deputy"]),
        ),
        ("choice-missing", "A security choice that is not stated.", agreed(without(TERMS, "release"))),
        (
            "hardening-not-stated",
            "Neither hardening nor a reason for none.",
            termed(encoding={**TERMS["encoding"], "hardening": None}),
        ),
        (
            "normalisation-not-stated",
            "Nothing is said of names in other scripts.",
            agreed(without(TERMS, "normalisation")),
        ),
        ("unknown-choice", "A choice that the version does not have.", termed(blocking="soundex")),
        (
            "duplicates-not-stated",
            "A decision that says nothing of rows of the same child in one file.",
            termed(decision=without(TERMS["decision"], "duplicates")),
        ),
        (
            "duplicates-without-room",
            "Duplicates are linked, but a link may have one row of each holder only.",
            agreed(_deciding(duplicates="link")),
        ),
        (
            "match-key-of-one-holder",
            "A match-key with a field that one holder alone has.",
            termed(match_keys=[*TERMS["match_keys"], {"kind": "exact", "name": "upn", "tuple_of": ["upn"]}]),
        ),
        (
            "number-as-text",
            "A number written as text: another spelling of what was signed.",
            {**good, "terms": {**TERMS, "match_keys": bits}},
        ),
        ("expiry-without-zone", "An expiry without a time zone.", termed(expires="2027-01-01T00:00:00")),
    ):
        yield _AGREEMENT.reject(name, about, {"agreement": agreement, "now": _NOW})
    about = "An agreement at the moment that it expires."
    yield _AGREEMENT.reject("expired", about, {"agreement": good, "now": "2027-01-01T00:00:00+00:00"})


def _deciding(**changes: str) -> dict[str, Any]:
    """Terms with another decision."""
    return {**TERMS, "decision": {**TERMS["decision"], **changes}}


def _with(parties: Sequence[Mapping[str, Any]], *, without_last: bool = False) -> dict[str, Any]:
    """Other parties, all of whom have signed."""
    names = [one["name"] for one in (parties[:-1] if without_last else parties)]
    return agreed(parties=parties, signers=names)
