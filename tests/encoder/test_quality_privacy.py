"""Nothing in the report or in its figures identifies a child: planted values are searched for in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.report import About, report_json, report_page
from tests.doors import children, nhs_number, upn
from tests.encoder.test_quality import changed, measured

ABOUT = About("people.csv", "2026-06-01", "counterfoil 1")
WORD = st.text("bcdfghjkqvwxz", min_size=8, max_size=12)
"""Words that stand in no page, style sheet or figure by chance."""
DAY = st.integers(0, 6000).map(lambda days: date(2001, 2, 3) + timedelta(days=days))


def everything(people: Sequence[Mapping[str, str]]) -> str:
    quality = measured(people)
    return (report_page(quality, ABOUT) + report_json(quality, ABOUT)).casefold()


def spellings(day: date) -> list[str]:
    return [day.isoformat(), day.strftime("%d/%m/%Y"), day.strftime("%Y%m%d"), day.strftime("%d-%m-%Y")]


@given(
    st.lists(st.tuples(WORD, WORD, DAY, st.integers(0, 10**7)), min_size=1, max_size=12, unique_by=lambda one: one[3]),
    st.integers(1, 9),
)
@settings(max_examples=40, deadline=None)
def test_no_value_of_fewer_than_ten_rows_is_in_it(planted: list[tuple[str, str, date, int]], times: int) -> None:
    """Each planted child stands in the file up to nine times, among others, as a visit would."""
    people = children(30)
    forbidden: set[str] = {cell.casefold() for one in people for key, cell in one.items() if key not in ("sex", "id")}
    common: dict[str, int] = {}
    for forename, surname, day, number in planted:
        row = {
            "forename": forename,
            "surname": surname,
            "sex": "F",
            "date_of_birth": day.isoformat(),
            "postcode": f"QX{number % 90 + 1} {number % 9}ZZ",
            "nhs_number": nhs_number(number),
            "upn": upn(number),
        }
        people += [{**people[0], **row}] * times
        for value in (forename, surname, row["postcode"], row["nhs_number"], row["upn"], *spellings(day)):
            common[value] = common.get(value, 0) + times
    forbidden |= {value for value, rows in common.items() if rows < 10}
    forbidden |= {value.replace(" ", "") for value in forbidden}
    text = everything(people)
    assert [value for value in forbidden if value.casefold() in text] == []


@given(st.integers(1, 30), st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_a_value_is_shown_from_ten_rows_of_ten_people_on(rows: int, people: int) -> None:
    """``rows`` rows of one surname, born on at most ``people`` days: ten rows of one child are still one child."""
    others = children(40)
    found = changed(
        others,
        {
            place: {
                "surname": "Quilljax",
                "date_of_birth": (date(2010, 5, 6) + timedelta(days=place % people)).isoformat(),
            }
            for place in range(rows)
        },
    )
    assert ("quilljax" in everything(found)) == (min(rows, people) >= 10)


def test_rows_without_a_date_of_birth_are_not_people_of_their_own() -> None:
    days = [{"surname": "Quilljax", "date_of_birth": f"2012-05-{place + 10}"} for place in range(10)]
    others = children(40)
    assert "quilljax" in everything(changed(others, dict(enumerate(days))))
    days[0]["date_of_birth"] = ""
    assert "quilljax" not in everything(changed(others, dict(enumerate(days))))


def test_numbers_are_never_shown_however_often_they_stand() -> None:
    number, pupil = nhs_number(5), upn(5)
    people = [{**one, "nhs_number": number, "upn": pupil} for one in children(60)]
    text = everything(people)
    assert number not in text
    assert pupil.casefold() not in text
    assert "60 rows share their nhs number" in text


def test_where_nothing_tells_people_apart_nothing_is_shown() -> None:
    assert "quilljax" not in everything([{"surname": "Quilljax", "sex": "F"}] * 50)
    assert "quilljax" in everything([{"surname": "Quilljax", "forename": "Abcdefghijkl"[n]} for n in range(12)] * 4)


def test_a_value_of_ten_rows_in_a_large_file_is_not_common() -> None:
    people = [
        {"surname": "Quilljax" if n < 10 else _word(n), "date_of_birth": f"20{n % 17 + 1:02}-02-13"}
        for n in range(10_001)
    ]
    assert "quilljax" not in everything(people)
    assert "quilljax" in everything(people[:10_000])


def _word(number: int) -> str:
    """A word of its own for each number."""
    return "".join(chr(97 + int(digit)) for digit in str(number))


def test_values_that_cannot_be_read_are_not_shown_either() -> None:
    people = changed(
        children(40),
        {
            0: {"date_of_birth": "Qvxday"},
            1: {"nhs_number": "Qvxnumber"},
            2: {"sex": "Qvxsex"},
            3: {"upn": "Qvxupn"},
            4: {"postcode": "Qv"},
        },
    )
    assert "qvx" not in everything(people)
    assert "qvx" not in everything(people[1:])


def test_headers_file_names_and_tools_are_text_not_markup() -> None:
    about = About('<img src=x onerror="a()">.csv', "2026-06-01", "<b>tool</b>")
    page = report_page(measured(children(20)), about)
    assert "<img" not in page
    assert "<b>" not in page
    assert "&lt;img src=x onerror=&#34;a()&#34;&gt;.csv" in page


@given(st.integers(0, 25))
@settings(deadline=None)
def test_no_sex_follows_from_the_other(boys: int) -> None:
    people = changed(children(25), {place: {"sex": "M" if place < boys else "F"} for place in range(25)})
    field = measured(people).field("sex")
    assert field is not None
    shown = {one.value: one.rows for one in field.common}
    held = {value: rows for value, rows in (("M", boys), ("F", 25 - boys)) if rows}
    assert shown == (held if min(held.values()) >= 10 else {})


@given(st.integers(0, 25))
@settings(deadline=None)
def test_no_date_of_birth_follows_from_an_age_and_a_day(births: int) -> None:
    """All children are of one age, so that a birth on 1 January, the first or the 15th is one of few dates."""
    for day, name in ((date(2019, 1, 1), "new_year"), (date(2019, 5, 15), "mid_month"), (date(2019, 5, 1), None)):
        days = [day if place < births else date(2019, 3, 3 + place % 9) for place in range(25)]
        people = changed(children(25), {place: {"date_of_birth": one.isoformat()} for place, one in enumerate(days)})
        quality = measured(people)
        assert quality.ages is not None
        assert getattr(quality.ages, name or "first_of_month") == (None if 0 < births < 10 else births)
        field = quality.field("date_of_birth")
        assert field is not None
        told = births if day == date(2019, 1, 1) and births >= 10 else 0
        assert (field.noted, sum(one.rows for one in field.reasons)) == (told, told)
        assert ("not shown</td>" in report_page(quality, ABOUT)) is (0 < births < 10)
