"""The conformance digest: equal where secret, terms and rules are, and only there."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import encoder.normalise
from encoder.births import birth
from encoder.conformance import conformance_digest
from encoder.findings import EMPTY, Reading
from encoder.identifiers import Identifiers
from encoder.normalise import RULES
from keys.secret import Secret
from keys.terms import ExactKey, FuzzyKey, Terms
from tests.doors import secret_of, signed, small_terms

AGREEMENT = signed(small_terms())
TERMS = AGREEMENT.terms
SECRET = secret_of(AGREEMENT)
DIGEST = conformance_digest(TERMS, SECRET)
# Every field in a match-key of its own, so that no rule is without a use.
EVERY_FIELD = TERMS.model_copy(
    update={
        "match_keys": tuple(
            ExactKey.model_validate({"kind": "exact", "name": field.replace("_", "-"), "tuple_of": [field]})
            for field in (
                "forename",
                "surname",
                "names",
                "sex",
                "day",
                "month",
                "year",
                "postcode",
                "nhs_number",
                "upn",
            )
        )
    }
)


def test_the_digest_is_the_same_every_time() -> None:
    assert conformance_digest(TERMS, SECRET) == DIGEST
    assert len(bytes.fromhex(DIGEST)) == 32
    again = Terms.model_validate(TERMS.model_dump(mode="json"))
    assert conformance_digest(again, secret_of(AGREEMENT)) == DIGEST


def test_another_secret_or_agreement_gives_another() -> None:
    others = [secret_of(AGREEMENT, "b"), Secret(SECRET.key(), agreement="ab" * 32)]
    assert len({conformance_digest(TERMS, one) for one in [SECRET, *others]}) == 3


def encoding(**changes: Any) -> Terms:
    return TERMS.model_copy(update={"encoding": TERMS.encoding.model_copy(update=changes)})


def hardening(**changes: Any) -> Terms:
    assert TERMS.encoding.hardening is not None
    return encoding(hardening=TERMS.encoding.hardening.model_copy(update=changes))


def with_keys(change: Callable[[list[Any]], object]) -> Terms:
    keys = list(TERMS.match_keys)
    change(keys)
    return TERMS.model_copy(update={"match_keys": tuple(keys)})


def first_fuzzy(change: Callable[[FuzzyKey], dict[str, Any]]) -> Terms:
    place = next(place for place, key in enumerate(TERMS.match_keys) if isinstance(key, FuzzyKey))

    def apply(keys: list[Any]) -> None:
        keys[place] = keys[place].model_copy(update=change(keys[place]))

    return with_keys(apply)


def first_feature(**changes: Any) -> Terms:
    return first_fuzzy(lambda key: {"features": (key.features[0].model_copy(update=changes), *key.features[1:])})


_OTHER_TERMS = {
    "length": encoding(length=2048),
    "kdf hash": encoding(kdf_hash="SHA512"),
    "key size": encoding(key_size=32),
    "no hardening": encoding(hardening=None),
    "t": hardening(t=8),
    "hardened length": hardening(length=2048),
    "bits": first_feature(bits=101),
    "comparison": first_feature(compare="trigrams"),
    "a feature less": first_fuzzy(lambda key: {"features": key.features[:-1]}),
    "the order of features": first_fuzzy(lambda key: {"features": tuple(reversed(key.features))}),
    "minimum bits": first_fuzzy(lambda key: {"minimum_bits": sum(feature.bits for feature in key.features)}),
    "the name of a key": first_fuzzy(lambda key: {"name": "renamed"}),
    "a key less": with_keys(lambda keys: keys.pop()),
    "the order of keys": with_keys(lambda keys: keys.reverse()),
}


@pytest.mark.parametrize("terms", _OTHER_TERMS.values(), ids=_OTHER_TERMS)
def test_every_encoding_parameter_counts(terms: Terms) -> None:
    assert conformance_digest(terms, SECRET) != DIGEST


def test_terms_that_do_not_touch_encodings_do_not_count() -> None:
    for changes in ({"minimum_rows": 7}, {"title": "Another"}, {"retention_hours": 1}):
        assert conformance_digest(TERMS.model_copy(update=changes), SECRET) == DIGEST


@pytest.mark.parametrize("field", RULES)
@pytest.mark.parametrize(
    "change",
    [
        lambda rule: lambda text: EMPTY,
        lambda rule: lambda text: rule(text)._replace(value=text),
        lambda rule: lambda text: rule(text)._replace(value=rule(text).value[:-1]),
    ],
    ids=["never a value", "as written", "without its last character"],
)
def test_every_rule_of_normalising_counts(
    monkeypatch: pytest.MonkeyPatch, field: str, change: Callable[[Callable[[str], Reading]], Callable[[str], Reading]]
) -> None:
    before = conformance_digest(EVERY_FIELD, SECRET)
    monkeypatch.setitem(RULES, field, change(RULES[field]))
    assert conformance_digest(EVERY_FIELD, SECRET) != before


@pytest.mark.parametrize("part", ["day", "month", "year"])
def test_the_reading_of_dates_counts(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    before = conformance_digest(EVERY_FIELD, SECRET)
    emptied: dict[str, Any] = {part: ""}
    monkeypatch.setattr(
        encoder.normalise, "birth", lambda written, *, today: replace(birth(written, today=today), **emptied)
    )
    assert conformance_digest(EVERY_FIELD, SECRET) != before


def test_the_joining_of_names_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = conformance_digest(EVERY_FIELD, SECRET)
    monkeypatch.setattr(encoder.normalise, "with_names", without_surnames)
    assert conformance_digest(EVERY_FIELD, SECRET) != before


def without_surnames(identifiers: Identifiers) -> Identifiers:
    columns = identifiers.columns
    return Identifiers(identifiers.rows, {**columns, "names": columns["forename"]})
