"""Dates of birth in the report on a file: how they are written, when they stop the file, and ages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.ages import GROUPS, Bar, Holders, merged
from encoder.cells import DateForm
from encoder.errors import ValueRefused
from encoder.quality import Quality
from encoder.verdicts import verdicts
from tests.encoder.test_quality import PEOPLE, about, changed, measured


def forms(quality: Quality) -> dict[DateForm, int]:
    assert quality.dates is not None
    return dict(quality.dates.forms)


def test_two_orders_of_day_and_month_are_reported_not_raised() -> None:
    dates = ["25/03/2015"] * 3 + ["03/25/2015"] * 2 + ["04/03/2015", "04/04/2015", "2015-03-25", "", "NULL"]
    people = [{**one, "date_of_birth": day} for one, day in zip(PEOPLE, dates, strict=False)]
    told: list[ValueRefused] = []
    quality = measured(people, refused=told.append)
    assert len(told) == 1
    assert forms(quality) == {
        DateForm.DAY_FIRST: 3,
        DateForm.MONTH_FIRST: 2,
        DateForm.EITHER: 1,
        DateForm.SAME: 1,
        DateForm.CLEAR: 1,
    }
    assert quality.dates is not None
    assert quality.dates.refused
    assert quality.field("date_of_birth") is None
    assert quality.field("surname") is not None
    first = verdicts(quality)[0]
    assert first.blocks
    assert "in two orders: 3 have the day first, 2 the month first" in first.what


@pytest.mark.parametrize(
    ("cell", "form"),
    [("43831", DateForm.SERIAL), ("25/03/15", DateForm.SHORT_YEAR), ("spring", DateForm.UNREADABLE)],
)
def test_dates_that_cannot_be_read_stop_the_file_and_are_counted(cell: str, form: DateForm) -> None:
    quality = measured(changed(PEOPLE, {7: {"date_of_birth": cell}}))
    assert forms(quality) == {DateForm.CLEAR: 59, form: 1}
    first = verdicts(quality)[0]
    assert (first.rows, first.blocks) == (1, True)
    assert "1 date of birth is not in a form that can be read" in first.what


@pytest.mark.parametrize(
    ("cells", "advice"),
    [
        (["43831", "2015-03-25"], 'date_order = "excel"'),
        (["43831", "25/03/2015"], "once the cells are formatted so"),
        (["25/03/15"], "either century"),
        (["spring"], "Ask for dates like 2015-03-25. Until then"),
    ],
)
def test_what_would_help_depends_on_the_forms_that_there_are(cells: list[str], advice: str) -> None:
    quality = measured(changed(PEOPLE, {place: {"date_of_birth": cell} for place, cell in enumerate(cells)}))
    do = verdicts(quality)[0].do
    assert advice in do
    others = {'date_order = "excel"', "once the cells are formatted so", "either century"} - {advice}
    assert not [one for one in others if one in do]


def test_dates_that_could_be_either_way_stop_the_file() -> None:
    quality = measured([{**one, "date_of_birth": "03/04/2015"} for one in PEOPLE])
    first = verdicts(quality)[0]
    assert (first.rows, first.blocks) == (60, True)
    assert "could have the day or the month first" in first.what


def test_a_file_of_nothing_but_unreadable_dates_is_refused() -> None:
    with pytest.raises(ValueRefused):
        measured([{"date_of_birth": "spring"}])


def test_ages_are_in_whole_years_and_days_that_stand_for_unknown_are_counted() -> None:
    days = ["2016-06-01"] * 20 + ["2016-06-02"] * 15 + ["2010-01-01"] * 12 + ["2011-03-15"] * 11 + [""] * 2
    quality = measured([{**one, "date_of_birth": day} for one, day in zip(PEOPLE, days, strict=True)])
    ages = quality.ages
    assert ages is not None
    assert {bar.first: bar.rows for bar in ages.bars if bar.rows} == {9: 15, 10: 20, 15: 11, 16: 12}
    assert (ages.rows, ages.new_year, ages.first_of_month, ages.mid_month) == (58, 12, 20, 11)
    assert about(quality, "12 rows have a birth on 1 January")


YEARS = st.dictionaries(st.integers(0, 40), st.integers(1, 30), max_size=15)


def bars_of(years: Mapping[int, int]) -> tuple[Bar, ...]:
    """Where every row is another person's."""
    return merged({age: Holders(rows, rows) for age, rows in years.items() if rows})


@given(YEARS)
def test_no_bar_stands_for_fewer_than_ten_rows_and_none_is_lost(years: dict[int, int]) -> None:
    bars = bars_of(years)
    total = sum(years.values())
    assert all(bar.rows == 0 or bar.rows >= 10 for bar in bars)
    assert sum(bar.rows for bar in bars) == (total if total >= 10 else 0)
    for bar, after in pairwise(bars):
        assert bar.last is not None
        assert after.first == bar.last + 1
    for bar in bars:
        inside = sum(
            rows for age, rows in years.items() if bar.first <= age <= (1000 if bar.last is None else bar.last)
        )
        assert bar.rows == inside


def test_a_wide_bar_does_not_begin_or_end_where_its_only_child_stands() -> None:
    assert bars_of({3: 50, 4: 50, 17: 1}) == (Bar(3, 3, 50), Bar(4, None, 51))
    assert bars_of({3: 1, 7: 20}) == bars_of({0: 1, 7: 20}) == (Bar(0, 7, 21),)
    assert bars_of({6: 9, 10: 1}) == bars_of({5: 5, 8: 5}) == (Bar(5, 10, 10),)


@given(YEARS, st.randoms(use_true_random=False))
def test_where_an_age_has_few_rows_the_bars_do_not_tell_which(years: dict[int, int], random: Random) -> None:
    """The rows of a group with such an age may stand at any ages of it, as long as one of these still has few."""
    moved = Counter(years)
    for first, after in pairwise((*GROUPS, 60)):
        group = range(first, after)
        rows = sum(moved[age] for age in group)
        if any(0 < moved[age] < 10 for age in group) or first == GROUPS[-1]:
            few = random.randint(1, min(9, rows)) if rows else 0
            one, another = random.sample(group, 2)
            moved -= Counter({age: moved[age] for age in group})
            moved += Counter({one: few, another: rows - few})
    assert bars_of(moved) == bars_of(years)


def test_many_rows_of_one_child_are_not_many_children() -> None:
    """Ten visits of a child born on 1 January would, as an age and a day, be its whole date of birth."""
    child = {**PEOPLE[0], "date_of_birth": "2019-01-01"}
    alone, others = [child] * 30, [{**one, "date_of_birth": "2019-01-01"} for one in PEOPLE[:30]]
    few = measured(alone)
    assert few.ages is not None
    assert (few.ages.bars, few.ages.new_year) == ((), None)
    born = few.field("date_of_birth")
    assert born is not None
    assert (born.noted, born.reasons) == (0, ())
    many = measured(others)
    assert many.ages is not None
    assert (many.ages.bars, many.ages.new_year) == ((Bar(7, 7, 30),), 30)
