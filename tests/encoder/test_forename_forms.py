"""Forms of one forename under both rules: public vectors, documented examples, the table, what is encoded."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import encoder.forename_forms
from encoder.conformance import conformance_digest
from encoder.forename_forms import first_forms, forms_digest, groups
from encoder.match_keys import encoders
from encoder.names import forename
from keys.terms import Normalisation
from tests.doors import JOIN, TRANSLITERATE, cohort, secret_of, signed, small_terms

ROOT = Path(__file__).parents[2]
CASES = json.loads((ROOT / "tests" / "vectors" / "normalise.json").read_text(encoding="utf-8"))["forename_variants"]
AGREEMENT = signed(small_terms())
SECRET = secret_of(AGREEMENT)
FORMS = sorted({form for group in groups() for form in group})


def forenames(written: list[str], rules: Normalisation = JOIN, field: str = "forename") -> list[str]:
    """What the forenames become, in a file whose rows all have a postcode."""
    column = cohort([{field: one, "postcode": "AB1 2CD"} for one in written], rules).identifiers.columns[field]
    return [column.values[code] for code in column.codes]


@pytest.mark.parametrize(("rules", "rule"), [(TRANSLITERATE, "keep"), (JOIN, "join")], ids=["keep", "join"])
def test_vectors(rules: Normalisation, rule: str) -> None:
    assert forenames([case["input"] for case in CASES], rules) == [case[rule] for case in CASES]


def test_the_reference_page_tells_the_truth_of_both() -> None:
    page = (ROOT / "docs" / "reference" / "normalisation.md").read_text(encoding="utf-8")
    page = page.partition("(`forename_variants`)\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| .+ \| `(.+)` \| `(.+)` \| `(.+)` \|$", page, flags=re.MULTILINE)
    assert len(rows) >= 10
    assert forenames([row[0] for row in rows], TRANSLITERATE) == [row[1] for row in rows]
    assert forenames([row[0] for row in rows]) == [row[2] for row in rows]


def test_no_form_is_in_two_groups_and_every_group_has_two() -> None:
    counts = Counter(form for group in groups() for form in group)
    assert [form for form, count in counts.items() if count > 1] == []
    assert [group for group in groups() if len(group) < 2] == []
    assert len(groups()) > 250


@pytest.mark.parametrize("rules", [TRANSLITERATE, JOIN], ids=["keep", "join"])
def test_every_form_is_a_name_as_normalising_leaves_it(rules: Normalisation) -> None:
    assert [form for form in FORMS if not re.fullmatch("[a-z]+", form) or forename(form) != (form, None, "")] == []
    first = {form: group[0] for group in groups() for form in group}
    assert forenames(FORMS, rules) == [first[form] if rules is JOIN else form for form in FORMS]


@pytest.mark.parametrize(
    "names",
    [
        "Bill William Billy Will",
        "Fred Frederick Freddie",
        "Molly Mary",
        "Alf Alfred Alfie",
        "Jack John",
        "Ted Edward",
        "Harry Henry",
        "Katie Kate Katherine Catherine Kathryn",
        "Ellie Eleanor Nell",
        "Mohammed Muhammad Mohamed MD Maxamed محمد",
        "Aisha Ayesha Ayşe",
        "Zainab Zaynab Zeynep",
        "Yusuf Yousef Youssef",
        "Oleksandr Aleksandr Alexander Олександр",
        "Łukasz Lucas",
    ],
)
def test_forms_of_one_name_are_one(names: str) -> None:
    assert len(set(forenames(names.split()))) == 1


@pytest.mark.parametrize(
    "names",
    [
        "John Jean Joan Jane Jon",
        "George Georgina Georgia Georgie",
        "Charles Charlotte",
        "Alexander Alexandra Alexa",
        "Samuel Samantha",
        "Francis Frances Francesca",
        "Henry Harriet",
        "Robin Robyn",
        "Daniel Danielle",
        "Gabriel Gabriella",
        "Amir Amira Amin Amina",
        "Said Sadia",
        "Lily Lillian Liliana",
        "Elizabeth Elsie Eliza Libby",
        "Ella Eleanor Ellen Helen Elena",
        "Amelia Amy Emily Emma Emilia Millie",
        "Maria Mia Mary Marie Maya Mya Maryam",
        "Anna Ann Hannah",
        "Isabel Isabella Bella",
        "Sophie Sophia",
        "Luke Lucas Luca",
        "Hassan Hussain Hasnain",
        "Muhammad Ahmed Mahmud Hamid",
        "Zain Zaid Ziad Zayan",
        "Safa Safiya Marwa",
        "Natalie Natalia Natasha",
        "Bert Jo Pat Nicky Teddy Bertie",
    ],
)
def test_names_of_two_children_of_one_family_stay_apart(names: str) -> None:
    written = names.split()
    assert len(set(forenames(written))) == len(written)


words = st.sampled_from([*FORMS, "Mr", "baby", "Zoë", "O'Neill", "-", "Quillon"]) | st.text(max_size=6)
names = st.lists(words, max_size=4).map(" ".join)


@given(st.lists(names, min_size=1, max_size=5))
@example(["Katie-May", "Mohd. Yousef"])
def test_a_joined_name_stays_as_it_is(written: list[str]) -> None:
    once = forenames(written)
    assert forenames(once) == once


@given(st.lists(names, min_size=1, max_size=5))
def test_each_word_is_joined_by_itself_and_unknown_ones_stay(written: list[str]) -> None:
    for kept, joined in zip(forenames(written, TRANSLITERATE), forenames(written), strict=True):
        assert joined == " ".join(first_forms().get(word, word) for word in kept.split())


@given(st.lists(names, min_size=1, max_size=8).flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_a_name_does_not_depend_on_the_rows_around_it(rows: tuple[list[str], list[str]]) -> None:
    before, after = (dict(zip(written, forenames(written), strict=True)) for written in rows)
    assert before == after


@given(st.lists(names, min_size=1, max_size=5))
def test_surnames_stay_as_they_are(written: list[str]) -> None:
    assert forenames(written, JOIN, "surname") == forenames(written, TRANSLITERATE, "surname")


@pytest.mark.parametrize(("first", "second"), [("Bill", "William"), ("Ayesha Katie", "Aisha Catherine")])
def test_two_forms_have_one_encoding_where_they_are_joined_and_not_where_they_are_kept(first: str, second: str) -> None:
    person = {"surname": "Quill", "date_of_birth": "2015-03-25", "postcode": "AB1 2CD"}
    rows = [{**person, "forename": one} for one in (first, second)]
    for rules in (TRANSLITERATE, JOIN):
        identifiers = cohort(rows, rules).identifiers
        fuzzy = [key for key in AGREEMENT.terms.match_keys if {"forename", "names"} & key.fields]
        assert {"forename", "names"} <= {field for key in fuzzy for field in key.fields}
        for one in encoders(fuzzy, terms=AGREEMENT.terms, secret=SECRET):
            bits = one.encode(identifiers).bits
            assert (bits[0] == bits[1]).all() == (rules is JOIN)


@pytest.fixture
def another_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be a holder whose table has one group more."""
    changed = {**first_forms(), "quillon": "quill"}
    monkeypatch.setattr(encoder.forename_forms, "first_forms", lambda: changed)
    forms_digest.cache_clear()
    yield
    monkeypatch.undo()
    forms_digest.cache_clear()


def digest(rules: Normalisation) -> str:
    return conformance_digest(AGREEMENT.terms.model_copy(update={"normalisation": rules}), SECRET)


BEFORE = {rules: digest(rules) for rules in (TRANSLITERATE, JOIN)}


def test_the_rule_counts_in_the_conformance_digest() -> None:
    assert BEFORE[JOIN] != BEFORE[TRANSLITERATE]


@pytest.mark.usefixtures("another_table")
def test_a_holder_with_another_table_is_found_out() -> None:
    assert digest(JOIN) != BEFORE[JOIN]
    assert digest(TRANSLITERATE) == BEFORE[TRANSLITERATE]


def test_a_holder_that_joins_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("encoder.normalise.join_forms", lambda reading: reading)
    assert digest(JOIN) != BEFORE[JOIN]
