"""What is measured of a file before it is linked: every figure on rows whose answer is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.cells import Damage
from encoder.columns import Columns
from encoder.field_quality import entropy
from encoder.match_keys import encoders
from encoder.quality import NOTHING_WRITTEN, ONLY_SEX, ONLY_UNUSABLE, Promise, Quality, measure
from encoder.read import Batch
from encoder.twins import Twins
from encoder.verdicts import Verdict, verdicts
from keys.template import default_rules, default_terms
from tests.doors import HOLDERS, NOW, children, cohort, nhs_number, secret_of, signed, upn

TODAY = NOW.date()
PERSON = ("forename", "surname", "date_of_birth", "postcode")


def measured(people: Sequence[Mapping[str, str]], *, last_row: int | None = None, **options: Any) -> Quality:
    """The quality of a file of these rows in two batches; their keys, but for ``id``, are identifiers."""
    names = [name for name in people[0] if name != "id"]
    columns = Columns.model_validate({name: f"Column {name}" for name in names})
    numbers = np.arange(2, len(people) + 2)
    if last_row is not None:
        numbers[-1] = last_row

    def read(used: Columns) -> Iterator[Batch]:
        half = len(people) // 2
        for part in (slice(0, half), slice(half, None)):
            some = people[part]
            if some:
                values = {name: pa.array([one[name] for one in some]) for name in used.sources}
                yield Batch("made-up rows", numbers[part], pa.array([str(n) for n in numbers[part]]), values)

    return measure(read, columns, rules=default_rules(), today=TODAY, **options)


def changed(people: Sequence[Mapping[str, str]], cells: Mapping[int, Mapping[str, str]]) -> list[dict[str, str]]:
    return [{**one, **cells.get(place, {})} for place, one in enumerate(people)]


def about(quality: Quality, words: str) -> list[Verdict]:
    return [one for one in verdicts(quality) if words in one.what]


PEOPLE = children(60)


def test_every_row_of_a_field_is_counted_once() -> None:
    quality = measured(
        changed(
            PEOPLE,
            {
                0: {"nhs_number": ""},
                1: {"nhs_number": "NULL"},
                2: {"nhs_number": "943476591"},
                3: {"nhs_number": "4.01E+09"},
                4: {"date_of_birth": "2012"},
                5: {"date_of_birth": "30/02/2012"},
                6: {"date_of_birth": "1900-01-01"},
                7: {"postcode": "D02 X285"},
            },
        )
    )
    for field in quality.fields:
        assert field.usable + field.unusable == quality.rows == 60
    number, born, postcode = (quality.field(name) for name in ("nhs_number", "date_of_birth", "postcode"))
    assert number is not None
    assert born is not None
    assert postcode is not None
    assert (number.usable, number.missing, number.placeholder, number.invalid) == (56, 1, 1, 2)
    assert (born.usable, born.partial, born.placeholder, born.invalid) == (57, 1, 1, 1)
    assert (postcode.usable, postcode.noted) == (60, 1)
    assert number.header == "Column nhs_number"


def test_distinctiveness_is_that_of_the_usable_values() -> None:
    people = [{"surname": name, "sex": "M"} for name in ["Ash"] * 4 + ["Elm"] * 2 + ["Oak", "Yew", ""]]
    field = measured(people).field("surname")
    assert field is not None
    assert (field.usable, field.distinct, field.alone) == (8, 4, 2)
    assert field.bits == pytest.approx(1.75)
    assert field.effective == pytest.approx(2**1.75)


@given(st.lists(st.integers(0, 50), max_size=20))
def test_entropy_lies_between_nothing_and_all_values_alike(counts: list[int]) -> None:
    bits = entropy(np.array(counts, dtype=np.int64))
    held = sum(count > 0 for count in counts)
    assert 0 <= bits <= np.log2(max(held, 1)) + 1e-9


def test_fields_together_tell_rows_apart_as_counted() -> None:
    people = [
        {"surname": surname, "date_of_birth": born, "sex": sex}
        for surname, born, sex in [
            ("Ash", "2012-05-13", "M"),
            ("Ash", "2012-05-13", "F"),
            ("Elm", "2012-05-13", "F"),
            ("", "2012-05-13", "F"),
        ]
    ]
    found = {one.fields: one for one in measured(people).combinations}
    assert set(found) == {
        ("date_of_birth", "sex"),
        ("surname", "date_of_birth"),
        ("surname", "sex", "date_of_birth"),
    }
    together = found["surname", "date_of_birth"]
    assert (together.complete, together.distinct, together.shared) == (3, 2, 2)
    assert found["surname", "sex", "date_of_birth"].shared == 0


def test_rows_are_strong_weak_or_cannot_link_for_a_reason() -> None:
    blank = dict.fromkeys(PEOPLE[0], "")
    quality = measured(
        changed(
            PEOPLE,
            {
                0: blank,
                1: {**blank, "sex": "F"},
                2: {**blank, "sex": "F"},
                3: {**blank, "nhs_number": "1111111111", "forename": "Baby"},
                4: {**blank, "surname": "Quill"},
                5: {"nhs_number": "", "upn": ""},
                6: {"forename": "", "date_of_birth": ""},
            },
        )
    )
    fit = quality.fit
    assert (fit.strong, fit.weak, fit.cannot) == (55, 1, 4)
    assert dict(fit.reasons) == {NOTHING_WRITTEN: 1, ONLY_SEX: 2, ONLY_UNUSABLE: 1}
    assert about(quality, "nothing to link by")[0].rows == 4


def test_patterns_are_those_of_usable_identifiers_and_rare_ones_are_put_together() -> None:
    people = [{name: one[name] for name in ("forename", "surname", "postcode", "nhs_number")} for one in PEOPLE]
    for place in range(15):  # a pattern each
        for bit, name in enumerate(people[place]):
            people[place][name] = people[place][name] if (place + 1) >> bit & 1 else ""
    found = measured(people).patterns
    assert (found[0].fields, found[0].rows) == (("forename", "surname", "postcode", "nhs_number"), 46)
    assert [one.rows for one in found] == [46, *[1] * 7, 7]
    assert found[-1].fields is None


def test_repeats_are_counted_and_so_is_what_differs_within_them() -> None:
    quality = measured(
        changed(
            PEOPLE,
            {
                1: {"nhs_number": PEOPLE[0]["nhs_number"]},
                2: {"upn": PEOPLE[3]["upn"], "date_of_birth": PEOPLE[3]["date_of_birth"]},
                5: {name: PEOPLE[4][name] for name in PERSON},
                6: {name: PEOPLE[4][name] for name in PERSON} | {"nhs_number": ""},
                7: {"nhs_number": ""},
                8: {"nhs_number": ""},
            },
        )
    )
    found = {one.fields: (one.groups, one.rows, one.differing) for one in quality.repeats}
    different = 2 if PEOPLE[0]["date_of_birth"] != PEOPLE[1]["date_of_birth"] else 0
    assert found == {("nhs_number",): (1, 2, different), ("upn",): (1, 2, 0), PERSON: (1, 3, 3)}
    assert about(quality, "share their name, date of birth and postcode")[0].rows == 3
    assert [one.rows for one in about(quality, "with a row of another date of birth")] == [2]


def test_what_is_missing_differs_from_nothing() -> None:
    person = {name: PEOPLE[4][name] for name in PERSON}
    quality = measured(changed(PEOPLE, {5: {**person, "nhs_number": ""}, 7: {"nhs_number": ""}}))
    found = {one.fields: (one.rows, one.differing) for one in quality.repeats}
    assert found[PERSON] == (2, 0)


def test_twins_have_different_forenames_and_triplets_are_larger_sets() -> None:
    home = {name: PEOPLE[0][name] for name in ("surname", "date_of_birth", "postcode")}
    other = {name: PEOPLE[9][name] for name in home}
    quality = measured(
        changed(
            PEOPLE,
            {
                0: {"forename": "Ada"},
                1: {**home, "forename": "Ben"},
                2: {**home, "forename": "Cy"},
                3: {**home, "forename": "Baby"},
                9: {"forename": "Dee"},
                10: {**other, "forename": "Eve"},
                11: {**other, "forename": "Eve"},
            },
        )
    )
    found = quality.twins
    assert found is not None
    assert (found.rows, found.sets, found.larger, found.nameless) == (7, 2, 1, 1)
    assert measured(changed(PEOPLE, {3: {"forename": ""}})).twins == Twins(0, 0, 0, 0)
    assert about(quality, "row without a forename")[0].rows == 1


def test_a_file_without_the_fields_has_no_twins_swaps_ages_or_repeats() -> None:
    quality = measured([{"nhs_number": nhs_number(20 * n), "sex": "F"} for n in range(3)])
    assert (quality.twins, quality.swapped, quality.ages, quality.dates, quality.combinations) == (None,) * 4 + ((),)
    assert [one.fields for one in quality.repeats] == [("nhs_number",)]


def test_names_in_each_others_place_are_suspected_by_what_the_others_are_called() -> None:
    names = [("Ada", "Quill"), ("Ben", "Marsh"), ("Cy", "Dell")] * 20
    people = [{"forename": first, "surname": last} for first, last in [*names, ("Quill", "Ada"), ("Dell", "Ben")]]
    assert measured(people).swapped == 2
    assert measured(people[:-2]).swapped == 0
    assert about(measured(people), "changed places")[0].rows == 2


def test_whole_columns_in_each_others_place_are_suspected_by_brothers_and_sisters() -> None:
    def family(number: int, **names: str) -> dict[str, str]:
        return {**names, "postcode": f"AB1 {number}CD"}

    letters = ["Quill", "Marsh", "Dell", "Thorn", "Reed"]
    firsts = ["Ada", "Ben", "Cy", "Dot", "Eve", "Fay"]
    homes = [(letters[home % 5], firsts[home % 6], firsts[(home + 1) % 6]) for home in range(10)]
    for count, right, wrong in ((10, False, True), (9, False, False)):
        straight = [
            family(n, forename=first, surname=last)
            for n, (last, *children) in enumerate(homes[:count])
            for first in children
        ]
        turned = [{**one, "forename": one["surname"], "surname": one["forename"]} for one in straight]
        assert (measured(straight).columns_swapped, measured(turned).columns_swapped) == (right, wrong)
        assert len(about(measured(turned), "columns of forenames")) == wrong
        assert not measured([{**one, "postcode": ""} for one in turned]).columns_swapped
        same = [{**one, "surname": one["forename"]} for one in turned]  # rows that stand twice tell nothing
        assert not measured(same).columns_swapped


def test_few_forenames_alone_do_not_make_the_columns_look_swapped() -> None:
    """Children without brothers or sisters in the file share a forename by chance more often than a surname."""
    letters = "ABCDEFGHJKLMNPRSTUWX"
    surnames = [first + second + third for first in letters for second in letters for third in letters][:1000]
    people = [
        {"forename": f"Ada{letters[n % 7]}", "surname": f"Quill{surname}", "postcode": f"AB1 {n % 10}CD"}
        for n, surname in enumerate(surnames)
    ]
    assert not measured(people).columns_swapped


def test_a_row_does_not_speak_for_itself_when_names_are_suspected() -> None:
    people = [{"forename": "Ada", "surname": "Quill"}] * 8 + [{"forename": "Quill", "surname": "Ada"}]
    assert measured(people).swapped == 1
    assert measured(people[5:]).swapped == 0


def test_a_name_that_is_both_raises_no_suspicion() -> None:
    names = [("Thomas", "James"), ("James", "Thomas"), ("Ada", "Quill")] * 20
    assert measured([{"forename": first, "surname": last} for first, last in names]).swapped == 0


@pytest.mark.parametrize(
    ("cell", "field", "what"),
    [
        ("#NAME?", "surname", Damage.ERROR),
        ("########", "date_of_birth", Damage.ERROR),
        ("1-May", "forename", Damage.DATE_IN_NAME),
        ("Mar-05", "postcode", Damage.DATE_IN_NAME),
        ("43831", "date_of_birth", Damage.SERIAL),
    ],
)
def test_damage_by_a_spreadsheet_is_counted(cell: str, field: str, what: Damage) -> None:
    quality = measured(changed(PEOPLE, {3: {field: cell}, 40: {field: cell}}))
    assert [(one.field, one.what, one.rows) for one in quality.spoilt] == [(field, str(what), 2)]


def test_lost_digits_and_damaged_letters_count_as_damage() -> None:
    quality = measured(
        changed(
            PEOPLE,
            {0: {"nhs_number": "943476591"}, 1: {"nhs_number": "4.01E+09"}, 2: {"forename": "Zo\u00c3\u00ab"}},
        )
    )
    assert sorted(one.field for one in quality.spoilt) == ["forename", "nhs_number", "nhs_number"]
    assert about(quality, "2 NHS numbers were spoilt")[0].rows == 2
    assert about(quality, "cannot be right") == []
    assert about(quality, "1 name has damaged letters")[0].rows == 1


def test_ordinary_cells_are_not_damage() -> None:
    quality = measured(changed(PEOPLE, {0: {"forename": "May"}, 1: {"surname": "March"}, 2: {"forename": "Jan-Erik"}}))
    assert quality.spoilt == ()
    assert not quality.cut


@pytest.mark.parametrize(("last", "cut"), [(65_535, False), (65_536, True), (1_048_576, True), (1_048_577, False)])
def test_a_file_that_ends_where_a_worksheet_ends_may_be_cut(last: int, cut: bool) -> None:
    quality = measured(PEOPLE, last_row=last)
    assert quality.cut is cut
    assert bool(about(quality, "very last row")) is cut


TERMS = default_terms(HOLDERS, minimum_rows=50)


def promise(minimum_rows: int = 50) -> Promise:
    return Promise("council", TERMS.keys_of("council"), minimum_rows)


def test_rows_with_an_encoding_are_those_that_encoding_would_have() -> None:
    bare = dict.fromkeys(("forename", "surname", "date_of_birth", "nhs_number", "upn"), "")
    people = changed(PEOPLE, {0: bare, 1: {"nhs_number": ""}, 2: {"postcode": "", "forename": ""}})
    quality = measured(people, promise=promise())
    assert quality.agreed is not None
    rows = {one.name: one.rows for one in quality.agreed.keys}
    assert rows["nhs-number"] == 58
    made = encoders(TERMS.keys_of("council"), terms=TERMS, secret=secret_of(signed(TERMS)))
    identifiers = cohort(people).identifiers
    assert rows == {one.key.name: int(one.encode(identifiers).present.sum()) for one in made}
    assert len(set(rows.values())) > 1
    assert quality.agreed.without == 1
    assert about(quality, "too little for any match-key")[0].rows == 1
    assert next(one for one in quality.agreed.keys if one.name == "names").fields == ("names", "date_of_birth")


def test_a_file_smaller_than_the_agreement_wants_is_stopped() -> None:
    assert verdicts(measured(PEOPLE, promise=promise(61)))[0].blocks
    assert not [one for one in verdicts(measured(PEOPLE, promise=promise(60))) if one.blocks]


def test_without_dates_nothing_is_said_of_match_keys() -> None:
    assert measured(changed(PEOPLE, {0: {"date_of_birth": "spring"}}), promise=promise()).agreed is None


def test_a_clean_file_has_nothing_to_do() -> None:
    assert verdicts(measured(PEOPLE)) == ()


def test_at_most_six_things_are_named_what_stops_the_file_first_then_by_rows() -> None:
    people = changed(
        PEOPLE,
        {place: {"nhs_number": "943476591", "upn": "", "sex": "", "postcode": ""} for place in range(30)}
        | {place: {"nhs_number": "4.01E+09", "surname": "", "forename": ""} for place in range(30, 50)}
        | {50: {"date_of_birth": "spring"}},
    )
    found = verdicts(measured(people))
    assert len(found) == 6
    assert [one.blocks for one in found] == [True] + [False] * 5
    assert [one.rows for one in found[1:]] == sorted((one.rows for one in found[1:]), reverse=True)
    assert all((one.what + one.do).isascii() for one in found)


def test_a_temporary_upn_counts_as_a_placeholder() -> None:
    quality = measured(changed(PEOPLE, {0: {"upn": "M80120000500A"}, 1: {"upn": upn(0)[::-1]}}))
    field = quality.field("upn")
    assert field is not None
    assert (field.placeholder, field.invalid) == (1, 1)
    assert about(quality, "1 UPN cannot be right")


def test_a_field_that_one_row_has_is_not_missing_in_all() -> None:
    people = [{**one, "upn": ""} if place else one for place, one in enumerate(children(400))]
    (verdict,) = about(measured(people), "UPN is missing")
    assert verdict.what == "UPN is missing or unusable in 99.8% of rows."
