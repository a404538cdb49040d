"""An agreement on two pages, for the person who must answer for it: in plain words, every term of art explained."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from datetime import datetime

from keys import frontier
from keys.advice import advise, usable, uses_forenames, uses_names
from keys.agreement import Agreement, Party, Role
from keys.terms import PARTS_OF_DATE, ExactKey, FuzzyKey, IdentifierField, Release, Terms
from keys.words import words_of

_WIDTH = 100
_FIELDS = {"nhs_number": "NHS number", "upn": "UPN (unique pupil number)"}
_ROLES = {
    Role.HOLDER: "Holder (has the children's rows)",
    Role.IG_LEAD: "IG lead",
    Role.BROKER: "Broker (compares encodings)",
    Role.RECIPIENT: "Recipient (analyses)",
}

_BACK = {
    Release.BLIND: "Every row gets a token, linked or not. Only the recipient can turn tokens into link keys, codes "
    "that are the same for the same child. (Release mode: blind.)",
    Release.OPEN: "Every row gets a link key, a code that is the same for the same child at every holder. (Release "
    "mode: open.)",
    Release.COUNT: "No rows come back, only how many children holders have in common. (Release mode: count.)",
}
_HOLDER_LEARNS = {
    Release.BLIND: "a token for each of its rows and one rounded number of links. Not which of its children the "
    "others know, not even two holders together.",
    Release.OPEN: "a link key for each of its rows. Holders that compare theirs see which children both know; "
    "nothing technical prevents that.",
    Release.COUNT: "how many children holders have in common, rounded. Not which.",
}
_ROWS = {
    "one per link": "A link has at most one row of each holder.",
    "any number": "A link may have several rows of one holder, if all of them together are likely to be one child.",
}
_DUPLICATES = {
    "ignore": "Rows of one holder are not compared with each other.",
    "report": "Rows of one holder are compared with each other too, to count duplicates; that changes no link.",
    "link": "Rows of one holder are compared with each other too, and linked in the same way.",
}
_RECIPIENT_LEARNS = {
    Release.BLIND: "the attributes that holders hand over, and which rows are of the same child. No identifiers.",
    Release.OPEN: "the attributes that holders hand over, and which rows are of the same child. No identifiers.",
    Release.COUNT: "how many children holders have in common, rounded. No rows.",
}
_OTHER_SCRIPTS = {
    "keep": "Names in other scripts, such as Arabic or Cyrillic, are compared as they are written. They agree with no "
    "name that was written in Latin letters.",
    "transliterate": "Names in other scripts, such as Arabic or Cyrillic, are written in Latin letters by one table.",
}
_FORENAME_VARIANTS = {
    "keep": "Forenames are compared as they are written: Bill agrees with no William, and Ayesha with no Aisha.",
    "join": "Forms of one forename (Bill and William, Ayesha and Aisha) are written as one by one table.",
}


def review(agreement: Agreement, *, now: datetime) -> str:
    """Purpose, law, who gives and learns what, what can be linked, how long, what cannot be prevented, risks and
    signatures: plain text of at most 100 columns, without control characters whatever the terms hold."""
    terms = agreement.terms
    sections = [
        ("Linkage agreement", _head(agreement)),
        ("In short", _short(terms)),
        ("Why, and on what ground", _grounds(terms)),
        ("Who gives what", _gives(terms)),
        ("Who learns what", _learns(terms)),
        ("What can be linked", _links(terms)),
        ("Whether it was linked honestly", _honestly(terms)),
        ("For how long", _duration(terms)),
        ("What cannot be prevented", _limits(terms)),
        ("Risks in these terms", _risks(terms, now)),
        ("How encodings are made (for your technical adviser)", _encodings(terms)),
        ("Parties", _parties(agreement)),
        ("Before you sign", _signing(terms)),
    ]
    return "\n".join(_section(title, lines) for title, lines in sections)


def _head(agreement: Agreement) -> list[str]:
    missing = len(agreement.unsigned())
    return [
        agreement.terms.title,
        f"Id: {agreement.id}",
        f"In words: {words_of(agreement.id)}",
        f"Signed by {len(agreement.parties) - missing} of {len(agreement.parties)} parties. "
        + ("Nothing runs before all have signed." if missing else "In force until it ends."),
    ]


def _short(terms: Terms) -> list[str]:
    holders = _listed(holder.name for holder in terms.holders)
    what = (
        f"{holders} find out which of their rows are about the same child, without showing each other their rows. "
        "Each holder turns identifiers (such as a name) into encodings: bit patterns that show no name, and that "
        "nobody can make without a secret that only the holders have. The broker finds encodings that are alike."
    )
    return [what, _BACK[terms.release]]


def _grounds(terms: Terms) -> list[str]:
    return [
        f"Purpose: {terms.purpose}",
        f"Legal gateway: {terms.legal_gateway}",
        f"Lawful basis (UK GDPR Article 6): {terms.article_6}",
        f"Condition for health and other special category data (Article 9): {terms.article_9}",
        f"Data protection impact assessment (DPIA): {terms.dpia}",
        f"Information sharing agreement: {terms.isa}",
    ]


def _gives(terms: Terms) -> list[str]:
    leaves = "These identifiers do not leave their holder. What leaves is a sealed file of encodings for the broker"
    if terms.release is not Release.COUNT:
        leaves += ", and later, for the recipient, the attributes that the holder chooses, without identifiers"
    refused = f"A file of fewer than {terms.minimum_rows} rows is refused"
    if terms.repeats_percent < 100:
        refused += f", and so is one in which more than about {terms.repeats_percent} in 100 rows look like another row"
    return [
        *(f"{holder.name} uses {_listed(_field(one) for one in holder.identifiers)}." for holder in terms.holders),
        f"{leaves}.",
        f"{refused}: it could ask about single children.",
    ]


def _learns(terms: Terms) -> list[str]:
    broker = (
        "The broker: how many rows each holder has, which encodings are alike, which rows are linked. It sees no "
        "identifiers and does not have the holders' secret."
    )
    leads = (
        "IG leads: the rounded counts of a run, before anyone else. Nothing is released until the IG leads of two "
        "holders have approved it."
    )
    counts = (
        f"Counts below {terms.suppression.below}, zero too, are not shown; others are rounded to the nearest "
        f"{terms.suppression.round_to}."
    )
    holder = _HOLDER_LEARNS[terms.release]
    if terms.decision.duplicates == "report":
        holder += " Also how many of its own rows look like another of them, rounded."
    return [
        f"Each holder: {holder}",
        f"The recipient: {_RECIPIENT_LEARNS[terms.release]}",
        broker,
        leads,
        counts,
    ]


def _links(terms: Terms) -> list[str]:
    key = (
        "A match-key says what two rows must share: the same number or details (exact), or details that are much alike "
        "(fuzzy), so that a slip of the pen, a new surname or a new address does not keep a child's rows apart."
    )
    pairs = [
        f"{one.holders[0]} and {one.holders[1]}: {one.verdict}. Exact: {', '.join(one.exact) or 'none'}. "
        f"Fuzzy: {', '.join(one.fuzzy) or 'none'}."
        for one in usable(terms)
    ]
    linked = f"Two rows are linked when it is at least {100 * terms.decision.match:g} % likely that they are one child"
    if terms.decision.contradicting_exact_keys == "refuse":
        linked += ", but not if their valid numbers differ and none is the same"
    names = [_OTHER_SCRIPTS[terms.normalisation.other_scripts]] if uses_names(terms) else []
    if uses_forenames(terms):
        names.append(_FORENAME_VARIANTS[terms.normalisation.forename_variants])
    rows = f"{_ROWS[terms.decision.rows_of_one_holder]} {_DUPLICATES[terms.decision.duplicates]}"
    twins = [_twins(terms.decision.twin_caution)] if uses_forenames(terms) else []
    return [key, *pairs, *names, f"{linked}. {rows}", *twins]


def _twins(caution: float) -> str:
    if caution == 1:
        return "A false link between twins is taken to be no worse than a missed link."
    return (
        f"A false link between twins is taken to be as bad as {caution:g} missed links: rows that differ in the "
        "forename alone are linked only if it is that much likelier that they are one child."
    )


def _honestly(terms: Terms) -> list[str]:
    if not terms.control.rows:
        return ["There are no control rows: nothing shows how many links the broker found, or whether it looked."]
    rows = (
        f"Every upload holds {terms.control.rows} control rows among its own: children who do not exist, with known "
        "errors, whom all holders know and the broker does not. They are in no count, and never reach the recipient."
    )
    opened = (
        "Once the links are decided the broker binds itself to them, and only then each holder says which of its rows "
        "are control rows. All holders then see how many of these were found, by kind of error, and that the broker "
        "did not choose its answer afterwards. Before all have done so nobody can approve the release."
    )
    return [rows, opened]


def _duration(terms: Terms) -> list[str]:
    ends, hours = terms.expires_at(), terms.retention_hours
    after = f"{hours} hours" + (f" ({hours / 24:.3g} days)" if hours >= 48 else "")
    destroyed = (
        f"The broker destroys the encodings and all that it made of them {after} after the last release, or after "
        "this agreement ends, and signs a receipt for it."
    )
    lines = [f"Nothing runs after {ends.day} {ends:%B %Y, %H:%M} UTC.", destroyed]
    if terms.release is not Release.COUNT:
        lines.append("How long the recipient keeps what it gets is not settled here: see your sharing agreement.")
    return lines


def _limits(terms: Terms) -> list[str]:
    harder = "; hardening makes this much harder, not impossible." if terms.encoding.hardening else "."
    traced = (
        "Encodings are pseudonymised personal data, not anonymous. Somebody who breaks into the broker and has a list "
        f"of the area's children could trace some of them{harder}"
    )
    together = (
        "The broker together with one holder could try names against the other holders' encodings; nothing technical "
        "prevents that. They should not be the same organisation, nor should one work for the other."
    )
    probed = (
        "A holder that sends one file after another with made-up rows could learn from the changing counts whether "
        "single children are linked. Every file stands in the log: approve no run whose files changed without reason."
    )
    lines = [
        traced,
        together,
        probed,
        "The broker could keep a copy of what it says it has destroyed.",
        *_unbound(terms),
        "Some links will be missed and some will be wrong, those of twins and namesakes above all.",
    ]
    if terms.release is not Release.COUNT:
        recognised = (
            "The recipient could recognise a child by its attributes, such as a rare diagnosis in a small place. Hand "
            "over no attribute that the purpose does not need."
        )
        lines.append(recognised)
    return lines


def _unbound(terms: Terms) -> list[str]:
    if not terms.control.rows:
        return []
    known = (
        "Control rows show that the broker found the links, not that it gave out these links and no others. After the "
        "first run in which they are opened the broker knows them: only a new agreement has new ones."
    )
    return [known]


def _risks(terms: Terms, now: datetime) -> list[str]:
    found = [f"{one.what} To avoid it: {one.remedy} (In the draft: {one.place}.)" for one in advise(terms, now=now)]
    return found or ["None of those that the software looks for. It does not judge purpose, law or necessity."]


def _encodings(terms: Terms) -> list[str]:
    hardening = terms.encoding.hardening
    how = (
        f"Hardened against tracing: base filters of {terms.encoding.length} bits, diffused to {hardening.length} "
        f"(t = {hardening.t})."
        if hardening
        else f"NOT HARDENED against tracing, because: {terms.encoding.accept_unhardened}"
    )
    described = {key.name: f"{key.name}: {_compares(key)}" for key in terms.match_keys}
    exact = [described.pop(key.name) for key in terms.match_keys if isinstance(key, ExactKey)]
    return [how, *_attacked(terms), *(["; ".join(exact)] if exact else []), *described.values()]


def _attacked(terms: Terms) -> list[str]:
    """What attacks got, where that was measured."""
    measured = frontier.standing(terms).same
    if measured is None:
        return []
    children, named = frontier.children(), f"{100 * measured.worst:.1f} %"
    guessed = f"{100 / children:g} %"
    return [f"Attacks named {named} of {children:,} made-up children (guessing: {guessed}): counterfoil-broker attack."]


def _compares(key: FuzzyKey | ExactKey) -> str:
    if isinstance(key, ExactKey):
        return f"exact, the same {_listed(_field(one) for one in key.tuple_of)}"
    weights: dict[str, int] = {}
    for one in key.features:
        name = _field(IdentifierField.DATE_OF_BIRTH if one.field in PARTS_OF_DATE else one.field)
        weights[name] = weights.get(name, 0) + one.bits
    heaviest_first = sorted(weights.items(), key=lambda item: -item[1])
    parts = [f"{name} {100 * bits / sum(weights.values()):.0f} %" for name, bits in heaviest_first]
    return f"fuzzy, alike in {', '.join(parts)}"


def _parties(agreement: Agreement) -> list[str]:
    unsigned = {party.card.fingerprint for party in agreement.unsigned()}
    lines = []
    for party in agreement.parties:
        signed = "NOT SIGNED" if party.card.fingerprint in unsigned else "signed"
        lines += [f"{_title(party)}: {signed}", f"  {words_of(party.card.fingerprint)}"]
    return lines


def _title(party: Party) -> str:
    whose = f" of {party.of}" if party.of else ""
    card = f", with the card of {party.card.name}" if party.card.name != party.name else ""
    return f"{_ROLES[party.role]}{whose}: {party.name}{card}"


def _signing(terms: Terms) -> list[str]:
    first = [] if terms.encoding.hardening else ["Encodings are NOT HARDENED: is the reason above worth it?"]
    bound = (
        "Every term and every key is covered by the id above. Any change makes another agreement and voids all "
        "signatures."
    )
    return [
        *first,
        "Let each party read its twelve words to you on the phone: whoever has other words has another key.",
        bound,
        "Every step is entered in a log that you can check without the broker: counterfoil log verify.",
    ]


def _field(name: str) -> str:
    return _FIELDS.get(name, name.replace("_", " "))


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _printable(text: str) -> str:
    """On one line, with nothing that would move the cursor, hide text or turn it round."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _section(title: str, lines: Iterable[str]) -> str:
    wrapped: list[str] = []
    for line in lines:
        indent = "  " if line.startswith("  ") else ""
        wrapped += textwrap.wrap(
            _printable(line),
            _WIDTH - 2,
            initial_indent=indent,
            subsequent_indent="  ",
            break_on_hyphens=False,  # they stand in the names of match-keys
        )
    return "\n".join([title.upper(), *(f"  {line}" for line in wrapped), ""])
