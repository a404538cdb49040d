"""What is allowed in an agreement but deserves a second look, and what each pair of holders can do with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations

from keys import frontier
from keys.honest import bits_of, honest_bits
from keys.terms import Encoding, ExactKey, FuzzyKey, IdentifierField, Release, Terms

INFORMATION = {
    IdentifierField.FORENAME: 7,
    IdentifierField.SURNAME: 9,
    IdentifierField.NAMES: 16,
    IdentifierField.SEX: 1,
    IdentifierField.DAY: 5,
    IdentifierField.MONTH: 3,
    IdentifierField.YEAR: 4,
    IdentifierField.DATE_OF_BIRTH: 12,
    IdentifierField.POSTCODE: 12,
    IdentifierField.NHS_NUMBER: 30,
    IdentifierField.UPN: 30,
}
"""Rough bits by which a field narrows down a child of an area; the order of magnitude is what counts."""

FORENAMES = frozenset({IdentifierField.FORENAME, IdentifierField.NAMES})
NAMES = FORENAMES | {IdentifierField.SURNAME}

ENOUGH_TO_LINK = 30
ENOUGH_TO_HIDE = 19
"""Bits of a tuple from which on hardly a child in twenty of an area shares its token with one who is no relative."""
ENOUGH_TO_STAND_OUT = 36
"""Bits of all match-keys but numbers from which on hardly two children of a large file look alike under all."""
FEW_CONTROL_ROWS = 100
"""With fewer, the 95 % interval of a share of 0.95 reaches more than six points below it."""
USUAL_BASE = 1024
LARGE_UPLOAD = 1_000_000
"""Rows of the largest upload that advice thinks of."""


@dataclass(frozen=True)
class Advice:
    """One risk and what to write instead."""

    place: str
    what: str
    remedy: str


@dataclass(frozen=True)
class Usable:
    """What two holders can use between them."""

    holders: tuple[str, str]
    exact: tuple[str, ...]
    fuzzy: tuple[str, ...]
    verdict: str


def usable(terms: Terms) -> list[Usable]:
    """For each pair of holders: the match-keys that both have, and whether their fields suffice."""
    found = []
    for first, second in combinations(terms.holders, 2):
        keys = [key for key in terms.keys_of(first.name) if key in terms.keys_of(second.name)]
        exact = tuple(key.name for key in keys if isinstance(key, ExactKey))
        fuzzy = tuple(key.name for key in keys if isinstance(key, FuzzyKey))
        found.append(Usable((first.name, second.name), exact, fuzzy, _verdict(keys)))
    return found


def _verdict(keys: list[FuzzyKey | ExactKey]) -> str:
    if not keys:
        return "no match-key in common: nothing can be linked"
    if information(frozenset.union(*(key.fields for key in keys))) < ENOUGH_TO_LINK:
        return "too few fields: many false links or missed links must be expected"
    if not any(isinstance(key, FuzzyKey) for key in keys):
        return "exact match-keys only: a child whose details are missing or wrong is missed"
    return "enough fields"


def information(fields: frozenset[IdentifierField]) -> int:
    """Bits of the fields together, parts of what is there as a whole not counted twice."""
    counted = set(fields)
    if IdentifierField.NAMES in counted:
        counted -= {IdentifierField.FORENAME, IdentifierField.SURNAME}
    if IdentifierField.DATE_OF_BIRTH in counted:
        counted -= {IdentifierField.DAY, IdentifierField.MONTH, IdentifierField.YEAR}
    return sum(INFORMATION[field] for field in counted)


def few_fields(terms: Terms) -> bool:
    """Whether some holder's match-keys but numbers have so few fields that different children look alike under all."""
    compared = [[key for key in terms.keys_of(one.name) if key.name not in terms.numbers] for one in terms.holders]
    return any(
        information(frozenset.union(*(key.fields for key in keys))) < ENOUGH_TO_STAND_OUT for keys in compared if keys
    )


def uses_names(terms: Terms) -> bool:
    """Whether some match-key has a name in it."""
    return any(key.fields & NAMES for key in terms.match_keys)


def uses_forenames(terms: Terms) -> bool:
    """Whether some match-key has a forename in it."""
    return any(key.fields & FORENAMES for key in terms.match_keys)


def advise(terms: Terms, *, now: datetime) -> list[Advice]:
    """Every choice that is allowed and risky, in the order of the file."""
    return [
        *_frame(terms, now),
        *_uploads(terms),
        *_outcome(terms),
        *_control(terms),
        *_encoding(terms),
        *_normalising(terms),
        *_keys(terms),
        *_pairs(terms),
    ]


def _frame(terms: Terms, now: datetime) -> list[Advice]:
    found = []
    if "Reference of the" in terms.dpia + terms.isa:
        found.append(Advice("dpia, isa", "The references are still those of the template.", "Write the real ones."))
    if terms.expires_at() <= now:
        found.append(Advice("expires", "The agreement has expired already.", "Write a later moment."))
    if terms.expires_at() > now + timedelta(days=731):
        found.append(Advice("expires", "It runs for more than two years.", "Write an earlier moment; renew later."))
    if terms.retention_hours > 24 * 30:
        found.append(
            Advice(
                "retention_hours", "The broker keeps encodings for over 30 days.", "Write 72, or what checking needs."
            )
        )
    return found


def _uploads(terms: Terms) -> list[Advice]:
    found = []
    if terms.minimum_rows < 100:
        found.append(Advice("minimum_rows", "So small an upload can ask about single children.", "Write 100 or more."))
    if few_fields(terms):
        if terms.repeats_percent < 100:
            found.append(
                Advice(
                    "repeats_percent",
                    "In so few fields many children look alike: honest uploads could be refused.",
                    "Write 100, or agree on more fields.",
                )
            )
    elif terms.repeats_percent > 20:
        found.append(
            Advice(
                "repeats_percent",
                "An upload can ask about one child in many spellings.",
                "Write 10, and keep one row per child in the files.",
            )
        )
    return found


def _outcome(terms: Terms) -> list[Advice]:
    found = []
    if terms.release is Release.OPEN:
        found.append(Advice("release", "Every holder learns which of its children the others know.", 'Write "blind".'))
    if terms.suppression.below < 8 or terms.suppression.round_to < 5:
        found.append(
            Advice(
                "suppression", "Smaller counts than usual for health data are shown.", "Write below = 8, round_to = 5."
            )
        )
    if terms.decision.match < 0.5:
        found.append(
            Advice("decision.match", "Pairs that are more likely wrong than right are linked.", "Write 0.5 or more.")
        )
    if terms.decision.twin_caution < 2 and uses_forenames(terms):
        found.append(
            Advice(
                "decision.twin_caution",
                "More twins are taken for one child: 18 false links among 1,284 made-up twins at 1, none at 2.",
                "Write 2 or more.",
            )
        )
    if terms.decision.contradicting_exact_keys == "allow":
        found.append(
            Advice(
                "decision.contradicting_exact_keys",
                "Two children with two different valid numbers may be linked.",
                'Write "refuse" unless the numbers are known to be unreliable.',
            )
        )
    return found + _of_one_holder(terms)


def _of_one_holder(terms: Terms) -> list[Advice]:
    """On links with several rows of one holder."""
    found = []
    if terms.decision.rows_of_one_holder == "any number":
        found.append(
            Advice(
                "decision.rows_of_one_holder",
                "A row may be linked with several rows of another holder, those of twins among them.",
                'Write "one per link" where files have one row per child.',
            )
        )
    numbered = all(any(key.name in terms.numbers for key in terms.keys_of(one.name)) for one in terms.holders)
    if terms.decision.duplicates == "link" and not numbered:
        found.append(
            Advice(
                "decision.duplicates",
                "A holder has no number as a match-key: twins in its file may be taken for one child.",
                'Write "report" or "ignore", or agree on NHS numbers.',
            )
        )
    return found


def _control(terms: Terms) -> list[Advice]:
    rows = terms.control.rows
    if 0 < rows < FEW_CONTROL_ROWS:
        return [
            Advice(
                "control.rows",
                "So few control rows tell the share of links that is found no better than to 6 in 100, and hardly "
                "anything of each kind of error.",
                "Write rows = 200, or 0.",
            )
        ]
    if rows > 2 * terms.minimum_rows:
        return [
            Advice(
                "control.rows",
                "In the smallest file that is accepted more than two in three rows would be made up: what is learnt "
                "from all pairs to weigh each would be learnt from them.",
                f"Write fewer, or minimum_rows = {-(-rows // 2)} or more.",
            )
        ]
    return []


def _attacked(terms: Terms) -> list[Advice]:
    """On hardened encodings that no measured configuration vouches for."""
    standing = frontier.standing(terms)
    if standing.safe:
        return []
    if standing.same is not None:
        what = (
            f"An attack named {100 * standing.same.worst:.1f} % of {frontier.children():,} made-up children by these "
            f"encodings; at most {100 * frontier.gate():g} % is wanted."
        )
    else:
        what = "How many children attacks name by these encodings is not measured, nor by any that show more."
    nearest = standing.nearest
    kept = "" if frontier.has_keys(terms, nearest) else f" and the match-keys of {nearest.keys!r}"
    remedy = f"Write {_written(nearest)}{kept}, the nearest that holds. Or measure this: counterfoil-broker attack."
    return [Advice("encoding.hardening", what, remedy)]


def _written(measured: frontier.Measured) -> str:
    """A hardening as it stands in an agreement."""
    base = "" if measured.base_length == USUAL_BASE else f"length = {measured.base_length} and "
    return f'{base}hardening = {{ method = "diffusion", t = {measured.t}, length = {measured.length} }}'


def _encoding(terms: Terms) -> list[Advice]:
    hardening = terms.encoding.hardening
    if hardening is None:
        return [
            Advice(
                "encoding",
                "Encodings are not hardened: published attacks trace most of them to children with a population list.",
                f"Write {_written(frontier.standing(terms).nearest)}.",
            )
        ]
    return _attacked(terms)


def _normalising(terms: Terms) -> list[Advice]:
    found = []
    if terms.normalisation.other_scripts == "keep" and uses_names(terms):
        found.append(
            Advice(
                "normalisation.other_scripts",
                "Children whose names one holder writes in another script and one in Latin letters are missed more "
                "often.",
                'Write "transliterate".',
            )
        )
    if terms.normalisation.forename_variants == "keep" and uses_forenames(terms):
        found.append(
            Advice(
                "normalisation.forename_variants",
                "Children whom one holder calls Alfie and one Alfred, or Aisha and Ayesha, are missed more often.",
                'Write "join".',
            )
        )
    return found


def _keys(terms: Terms) -> list[Advice]:
    found = []
    fuzzy = [key for key in terms.match_keys if isinstance(key, FuzzyKey)]
    if len(fuzzy) > 4:
        found.append(Advice("match_keys", f"{len(fuzzy)} fuzzy match-keys; each one leaks more.", "Use four or fewer."))
    found += [
        Advice(
            f"match_keys.{key.name}",
            "An exact match-key of few possible values shows how often each occurs, which gives it away.",
            "Add fields to its tuple, or drop it.",
        )
        for key in terms.match_keys
        if isinstance(key, ExactKey) and information(key.fields) < ENOUGH_TO_HIDE
    ]
    return found + [one for key in fuzzy for one in _filters(key, terms.encoding)]


def _filters(key: FuzzyKey, encoding: Encoding) -> list[Advice]:
    """On base filters that hold too little or too much."""
    place = f"match_keys.{key.name}"
    if encoding.hardening and honest_bits(key, encoding, encodings=LARGE_UPLOAD)[0] == 1:
        return [
            Advice(
                place,
                "So few bits are in its base filter that encodings of real rows could be all zeros, and be refused.",
                "Write a larger minimum_bits, and features of more bits.",
            )
        ]
    if bits_of(key) > encoding.length:
        return [
            Advice(
                place,
                "Its features put more bits into a base filter than it has: so full, it hardly tells children apart.",
                f"Write features of fewer bits: {round(0.69 * encoding.length)} in all fill half of it.",
            )
        ]
    return []


def _pairs(terms: Terms) -> list[Advice]:
    return [
        Advice(f"holders {one.holders[0]} and {one.holders[1]}", f"They have {one.verdict}.", "Agree on more fields.")
        for one in usable(terms)
        if one.verdict != "enough fields"
    ]
