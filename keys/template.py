"""The agreement that new ones start from, restricted to what its holders have."""

import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from keys.advice import few_fields
from keys.agreement import parse_terms
from keys.errors import AgreementError
from keys.terms import Identifier, IdentifierField, Normalisation, Terms, fields_of


def template_text() -> str:
    """The commented TOML file."""
    return (files("keys") / "template.toml").read_text(encoding="utf-8")


def default_rules() -> Normalisation:
    """How the template normalises: for work on a file of which there is no agreement yet."""
    return Normalisation.model_validate(tomllib.loads(template_text())["normalisation"])


def default_terms(holders: Mapping[str, Sequence[str]], **changes: Any) -> Terms:
    """The template for these holders (name -> identifiers), with every match-key that two of them can make.

    Of each holder's identifiers only those are kept that a match-key uses.
    A fuzzy match-key keeps those of its features that every holder has, with their bits raised in proportion so that
    filters stay equally full. One that would keep less than half of its bits, or that lost a field and now has the
    fields of an earlier one, is dropped. Where fields are so few that many children look alike, all rows may look like
    others. ``changes`` replace top-level values. Raises ``AgreementError`` when no match-key is left.
    """
    document = tomllib.loads(template_text())
    document["holders"] = [{"name": name, "identifiers": list(have)} for name, have in holders.items()]
    known = {one.value for one in Identifier}  # parse_terms refuses others, with their place
    fields = [fields_of(known.intersection(have)) for have in holders.values()]
    shared = frozenset.intersection(*fields) if fields else frozenset()
    document["match_keys"] = _usable(document["match_keys"], fields, shared)
    if not document["match_keys"]:
        raise _too_few("The holders share")
    for holder, have in zip(document["holders"], fields, strict=True):
        holder["identifiers"] = _needed(holder["identifiers"], have, document["match_keys"])
        if not holder["identifiers"]:
            raise _too_few(f"{holder['name']} shares")
    terms = parse_terms({**document, **changes}, where="default agreement")
    if few_fields(terms) and "repeats_percent" not in changes:
        return terms.model_copy(update={"repeats_percent": 100})
    return terms


def _too_few(who: str) -> AgreementError:
    return AgreementError(
        f"{who} too few identifiers for any match-key.",
        remedy="Name more columns, above all the NHS number, names, the date of birth or the postcode.",
    )


def _needed(identifiers: Sequence[str], have: frozenset[IdentifierField], keys: Sequence[dict[str, Any]]) -> list[str]:
    """Those identifiers that a match-key of this holder uses; unknown ones stay, for ``parse_terms`` to refuse."""
    used: set[str] = set()
    for key in keys:
        fields = set(key.get("tuple_of") or (feature["field"] for feature in key["features"]))
        if fields <= have:
            used |= fields
    return [one for one in identifiers if one not in set(Identifier) or _feeds(one) & used]


def _feeds(identifier: str) -> frozenset[IdentifierField]:
    """The fields that an identifier gives, alone or with others."""
    if identifier in (Identifier.FORENAME, Identifier.SURNAME):
        return fields_of([identifier]) | {IdentifierField.NAMES}
    return fields_of([identifier])


def _usable(
    keys: Sequence[dict[str, Any]], fields: Sequence[frozenset[IdentifierField]], shared: frozenset[IdentifierField]
) -> list[dict[str, Any]]:
    usable: list[dict[str, Any]] = []
    seen: set[frozenset[str]] = set()
    for key in keys:
        if key["kind"] == "exact":
            if sum(set(key["tuple_of"]) <= have for have in fields) >= 2:
                usable.append(key)
            continue
        features = [feature for feature in key["features"] if feature["field"] in shared]
        names = frozenset(feature["field"] for feature in features)
        bits = sum(feature["bits"] for feature in features)
        total = sum(feature["bits"] for feature in key["features"])
        reduced = len(features) < len(key["features"])
        if 2 * bits >= total and not (reduced and names in seen):
            seen.add(names)
            raised = [{**feature, "bits": round(feature["bits"] * total / bits)} for feature in features]
            usable.append({**key, "features": raised})
    return usable
