"""What is allowed and risky is named, with what to write; what is sensible is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from keys.advice import Advice, advise
from keys.template import default_terms
from keys.terms import Terms

IDENTIFIERS = ["forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number"]


def advice_on(terms: Terms, place: str) -> list[Advice]:
    return [one for one in advise(terms, now=datetime(2026, 1, 1, tzinfo=UTC)) if one.place == place]


@pytest.mark.parametrize(
    ("have", "percent", "remedy"),
    [
        (IDENTIFIERS, 20, None),
        (IDENTIFIERS, 21, "Write 10"),
        (["forename", "surname"], 100, None),
        (["forename", "surname"], 99, "Write 100"),
        (["nhs_number"], 10, None),
    ],
)
def test_advice_on_repeats_knows_how_many_children_look_alike(
    have: list[str], percent: int, remedy: str | None
) -> None:
    terms = default_terms({"a": have, "b": have}, repeats_percent=percent)
    advice = [one.remedy for one in advice_on(terms, "repeats_percent")]
    assert len(advice) == (remedy is not None)
    assert all(one.startswith(f"{remedy}") for one in advice)


@pytest.mark.parametrize("hardened", [True, False])
@pytest.mark.parametrize(
    ("bits", "what"),
    [(2, "all zeros"), (10, "all zeros"), (200, None), (512, None), (513, "more bits into a base filter than it has")],
)
def test_base_filters_nearly_empty_or_overfull_are_named(bits: int, what: str | None, hardened: bool) -> None:
    document = default_terms({"a": IDENTIFIERS, "b": IDENTIFIERS}).model_dump(mode="json")
    document["encoding"] |= {"length": 512, "hardening": {"method": "diffusion", "t": 8, "length": 512}}
    if not hardened:
        document["encoding"] |= {"hardening": None, "accept_unhardened": "a test"}
    key = next(one for one in document["match_keys"] if one["kind"] == "fuzzy")
    key |= {"features": [{"field": "forename", "compare": "bigrams", "bits": bits}], "minimum_bits": bits}
    advice = [one.what for one in advice_on(Terms.model_validate(document), f"match_keys.{key['name']}")]
    if what == "all zeros" and not hardened:  # one bit is enough then
        what = None
    assert len(advice) == (what is not None)
    assert all(f"{what}" in one for one in advice)


def test_the_default_agreement_has_no_advice_on_its_match_keys() -> None:
    terms = default_terms({"a": IDENTIFIERS, "b": IDENTIFIERS})
    assert [one for key in terms.match_keys for one in advice_on(terms, f"match_keys.{key.name}")] == []


@pytest.mark.parametrize(
    ("have", "rule", "advised"),
    [(IDENTIFIERS, "keep", True), (IDENTIFIERS, "transliterate", False), (["nhs_number"], "keep", False)],
)
def test_to_keep_other_scripts_is_advised_against_where_names_are_compared(
    have: list[str], rule: str, advised: bool
) -> None:
    terms = default_terms({"a": have, "b": have}, normalisation={"other_scripts": rule, "forename_variants": "join"})
    found = [one.remedy for one in advice_on(terms, "normalisation.other_scripts")]
    assert found == ['Write "transliterate".'] * advised


@pytest.mark.parametrize(
    ("have", "rule", "advised"),
    [
        (IDENTIFIERS, "keep", True),
        (IDENTIFIERS, "join", False),
        (["surname", "date_of_birth", "postcode", "nhs_number"], "keep", False),
    ],
)
def test_to_keep_forms_of_forenames_apart_is_advised_against_where_forenames_are_compared(
    have: list[str], rule: str, advised: bool
) -> None:
    normalisation = {"other_scripts": "transliterate", "forename_variants": rule}
    terms = default_terms({"a": have, "b": have}, normalisation=normalisation)
    found = [one.remedy for one in advice_on(terms, "normalisation.forename_variants")]
    assert found == ['Write "join".'] * advised


@pytest.mark.parametrize(
    ("have", "caution", "advised"),
    [
        (IDENTIFIERS, 1, True),
        (IDENTIFIERS, 1.9, True),
        (IDENTIFIERS, 2, False),
        (["surname", "date_of_birth", "postcode", "nhs_number"], 1, False),
    ],
)
def test_little_caution_about_twins_is_advised_against_where_forenames_are_compared(
    have: list[str], caution: float, advised: bool
) -> None:
    document = default_terms({"a": have, "b": have}).model_dump(mode="json")
    document["decision"]["twin_caution"] = caution
    found = [one.remedy for one in advice_on(Terms.model_validate(document), "decision.twin_caution")]
    assert found == ["Write 2 or more."] * advised


@pytest.mark.parametrize(
    ("rows", "duplicates", "have", "places"),
    [
        ("one per link", "report", IDENTIFIERS, []),
        ("any number", "report", IDENTIFIERS, ["rows_of_one_holder"]),
        ("any number", "link", IDENTIFIERS, ["rows_of_one_holder"]),
        ("any number", "link", IDENTIFIERS[:-1], ["rows_of_one_holder", "duplicates"]),
        ("any number", "report", IDENTIFIERS[:-1], ["rows_of_one_holder"]),
    ],
)
def test_advice_on_several_rows_of_a_holder_thinks_of_twins(
    rows: str, duplicates: str, have: list[str], places: list[str]
) -> None:
    document = default_terms({"a": have, "b": have}).model_dump(mode="json")
    document["decision"] |= {"rows_of_one_holder": rows, "duplicates": duplicates}
    terms = Terms.model_validate(document)
    for place in ("rows_of_one_holder", "duplicates"):
        advice = [one.what for one in advice_on(terms, f"decision.{place}")]
        assert len(advice) == (place in places)
        assert all("twins" in one for one in advice)


@pytest.mark.parametrize(
    ("rows", "minimum", "remedy"),
    [
        (0, 100, None),
        (1, 100, "Write rows = 200"),
        (99, 100, "Write rows = 200"),
        (100, 100, None),
        (200, 100, None),
        (201, 100, "Write fewer, or minimum_rows = 101"),
        (2000, 1000, None),
    ],
)
def test_too_few_or_too_many_control_rows_are_named(rows: int, minimum: int, remedy: str | None) -> None:
    terms = default_terms({"a": IDENTIFIERS, "b": IDENTIFIERS}, control={"rows": rows}, minimum_rows=minimum)
    advice = [one.remedy for one in advice_on(terms, "control.rows")]
    assert len(advice) == (remedy is not None)
    assert all(one.startswith(f"{remedy}") for one in advice)
