"""An agreement on one page, for the person who must sign it."""

from __future__ import annotations

import textwrap
from datetime import datetime

from keys.advice import advise, usable
from keys.agreement import Agreement, Role
from keys.terms import ExactKey, FuzzyKey, Release, Terms
from keys.words import words_of

_WIDTH = 100
_LEARNS = {
    Release.BLIND: (
        "Its own rows and one token for each. Not which of them were linked, also not together with another holder.",
        "The attributes that holders hand over, joined by link keys. No identifiers.",
    ),
    Release.OPEN: (
        "Its own rows and a link key for each, so which of its children the other holders know.",
        "The attributes that holders hand over, joined by link keys. No identifiers.",
    ),
    Release.COUNT: ("Suppressed counts of links.", "Suppressed counts of links."),
}

_BROKER_LEARNS = (
    "The broker: numbers of rows, which encodings are alike, which rows are linked. No identifiers and no secret. "
    "Together with one holder it could try names against the other's encodings; nothing technical prevents that."
)


def review(agreement: Agreement, *, now: datetime) -> str:
    """Purpose, law, who gives and learns what, match-keys, retention, risks, signatures: plain text, 100 columns."""
    terms = agreement.terms
    unsigned = {party.card.fingerprint for party in agreement.unsigned()}
    sections = [
        _section("Linkage agreement", [terms.title, f"Id: {agreement.id}", f"In words: {words_of(agreement.id)}"]),
        _section("Why and on what ground", _grounds(terms)),
        _section("Who gives what", [_gives(agreement, holder.name) for holder in terms.holders]),
        _section("Who learns what", _learns(terms)),
        _section("What can be linked", _pairs(terms)),
        _section("How encodings are made", _encodings(terms)),
        _section("What an upload must be like", _uploads(terms)),
        _section("For how long", _duration(terms)),
        _section("Risks to look at", _risks(terms, now)),
        _section(
            "Parties",
            [
                f"{party.role.value} {party.name}"
                + (f" of {party.of}" if party.role is Role.IG_LEAD else "")
                + f" ({party.card.name}): "
                + ("NOT SIGNED" if party.card.fingerprint in unsigned else "signed")
                + f"\n  {words_of(party.card.fingerprint)}"
                for party in agreement.parties
            ],
        ),
    ]
    return "\n".join(sections)


def _grounds(terms: Terms) -> list[str]:
    return [
        f"Purpose: {terms.purpose}",
        f"Legal gateway: {terms.legal_gateway}",
        f"Article 6: {terms.article_6}",
        f"Article 9: {terms.article_9}",
        f"DPIA: {terms.dpia}",
        f"Information sharing agreement: {terms.isa}",
    ]


def _gives(agreement: Agreement, holder: str) -> str:
    terms = agreement.terms
    identifiers = ", ".join(one.value.replace("_", " ") for one in terms.holder(holder).identifiers)
    keys = ", ".join(key.name for key in terms.keys_of(holder)) or "none"
    return f"{holder} reads {identifiers} and sends encodings under the match-keys {keys}. No identifier leaves it."


def _learns(terms: Terms) -> list[str]:
    holder, recipient = _LEARNS[terms.release]
    return [
        f"Each holder: {holder}",
        f"The recipient: {recipient}",
        _BROKER_LEARNS,
    ]


def _pairs(terms: Terms) -> list[str]:
    return [
        f"{one.holders[0]} and {one.holders[1]}: {one.verdict}. Exact: {', '.join(one.exact) or 'none'}. "
        f"Fuzzy: {', '.join(one.fuzzy) or 'none'}."
        for one in usable(terms)
    ]


def _encodings(terms: Terms) -> list[str]:
    hardening = terms.encoding.hardening
    how = (
        f"Base filters of {terms.encoding.length} bits, diffused to {hardening.length} (t = {hardening.t})."
        if hardening
        else f"NOT HARDENED, because: {terms.encoding.accept_unhardened}"
    )
    lines = [how, "Encodings are pseudonymised personal data, not anonymous."]
    for key in terms.match_keys:
        if isinstance(key, FuzzyKey):
            parts = ", ".join(f"{one.field.value.replace('_', ' ')} {one.bits}" for one in key.features)
            lines.append(f"{key.name}: alike in {parts} (bits)")
        elif isinstance(key, ExactKey):
            lines.append(f"{key.name}: equal in {', '.join(one.value.replace('_', ' ') for one in key.tuple_of)}")
    return lines


def _uploads(terms: Terms) -> list[str]:
    return [
        f"At least {terms.minimum_rows} rows.",
        f"About {terms.repeats_percent} in 100 rows, at most, look like another row of the same upload.",
    ]


def _duration(terms: Terms) -> list[str]:
    return [
        f"Nothing runs after {terms.expires}.",
        f"The broker destroys encodings, pairs and links {terms.retention_hours} hours after release.",
        f"A link is made from a probability of {terms.decision.match} on.",
        f"Counts below {terms.suppression.below} are not shown, others are rounded to {terms.suppression.round_to}.",
    ]


def _risks(terms: Terms, now: datetime) -> list[str]:
    found = advise(terms, now=now)
    return [f"{one.place}: {one.what} {one.remedy}" for one in found] or ["None of those that are checked for."]


def _section(title: str, lines: list[str]) -> str:
    wrapped = []
    for line in lines:
        for part in line.splitlines():
            indent = " " * (len(part) - len(part.lstrip()))
            wrapped += textwrap.wrap(part.strip(), _WIDTH - 2, initial_indent=indent, subsequent_indent="  ")
    return "\n".join([title.upper(), *(f"  {line}" for line in wrapped), ""])
