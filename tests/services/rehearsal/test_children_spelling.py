"""Slips and habits of spelling: always another value, always of the right form."""

import re
import unicodedata
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rehearsal.habits import Habits, spelt_names, spelt_postcodes, unaccented
from services.rehearsal.rates import SCENARIOS, of_each, out_of_date
from services.rehearsal.slips import misdated, miskeyed_postcode
from services.rehearsal.variants import OTHER_FORMS, halved, misspelt, other_form

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=14).map(str.capitalize)
postcodes = st.from_regex(r"[A-PR-U][A-HK-Y][1-9]\d? \d[ABDEFGHJLNPQRSTUWXYZ]{2}", fullmatch=True)


@given(words, seeds)
def test_a_misspelling_is_another_name_with_the_same_first_letter(name: str, rng: np.random.Generator) -> None:
    wrong = misspelt(name, rng=rng)
    assert wrong != name
    assert wrong[0] == name[0]
    assert abs(len(wrong) - len(name)) <= 1


@given(words, seeds)
def test_another_form_is_another_name(name: str, rng: np.random.Generator) -> None:
    assert other_form(name, rng=rng) != name


def test_known_forms_go_both_ways_and_never_to_themselves() -> None:
    assert "Lizzie" in OTHER_FORMS["Elizabeth"]
    assert "Elizabeth" in OTHER_FORMS["Lizzie"]
    assert not [name for name, forms in OTHER_FORMS.items() if name in forms or len(set(forms)) < len(forms)]


@given(words, words, st.sampled_from("- "), seeds)
def test_half_a_name_of_two_is_one_of_its_parts(a: str, b: str, joint: str, rng: np.random.Generator) -> None:
    assert halved(a + joint + b, rng=rng) in (a, b)
    assert halved(a, rng=rng) == a


@given(postcodes, seeds)
def test_a_miskeyed_postcode_is_another_of_the_same_district(postcode: str, rng: np.random.Generator) -> None:
    wrong = miskeyed_postcode(postcode, rng=rng)
    assert wrong != postcode
    assert wrong.split(" ")[0] == postcode.split(" ")[0]
    assert re.fullmatch(r"\d[ABDEFGHJLNPQRSTUWXYZ]{2}", wrong.split(" ")[1])


@given(st.dates(date(1999, 1, 1), date(2025, 9, 1)), st.floats(0, 1), seeds)
def test_a_wrong_date_of_birth_is_another_date_that_has_been(
    born: date, one_part: float, rng: np.random.Generator
) -> None:
    today = date(2025, 9, 1)
    wrong = misdated(born, today=today, one_part=one_part, rng=rng)
    assert wrong != born
    assert wrong <= today


@given(st.floats(0, 0.49))
def test_two_extracts_together_disagree_at_the_rate_of_pairs(rate: float) -> None:
    own, old = of_each(rate), out_of_date(rate)
    assert 1 - (1 - own) ** 2 == pytest.approx(rate, abs=1e-12)
    assert 2 * old * (1 - old) == pytest.approx(rate, abs=1e-12)


def test_the_high_scenario_is_nowhere_cleaner_than_the_low_one() -> None:
    low, high = vars(SCENARIOS["low"]), vars(SCENARIOS["high"])
    assert all(high[name] >= share for name, share in low.items())
    assert max(high["surname_girls"], high["surname_boys"], high["postcode"]) < 0.5


@pytest.mark.parametrize(
    ("name", "spelt"),
    [
        ("Siobh\u00e1n", "SIOBHAN"),
        ("O'Neill", "ONEILL"),
        ("Wa\u0142\u0119sa-Smith", "WALESA SMITH"),
        ("Y\u0131lmaz", "YILMAZ"),
        ("Gro\u00df", "GROSS"),
    ],
)
def test_an_old_system_holds_capitals_without_marks(name: str, spelt: str) -> None:
    assert Habits(upper=True, accents=False, apostrophe="", hyphen=" ").name(name) == spelt


@given(st.text(st.characters(min_codepoint=0x41, max_codepoint=0x24F, categories=["L"]), max_size=12))
def test_taking_marks_off_leaves_no_mark(name: str) -> None:
    assert not any(unicodedata.combining(c) for c in unicodedata.normalize("NFD", unaccented(name)))


@given(st.lists(words, max_size=20), st.booleans(), seeds)
def test_a_system_without_slack_spells_every_name_by_its_habits(
    names: list[str], upper: bool, rng: np.random.Generator
) -> None:
    habits = Habits(upper=upper, slack=0.0)
    spelt = spelt_names(np.array(names, dtype=np.str_), habits, rng=rng)
    assert spelt.tolist() == [name.upper() if upper else name for name in names]


@given(st.lists(postcodes, min_size=1, max_size=20), st.booleans(), seeds)
def test_however_a_postcode_was_typed_it_is_the_same_postcode(
    codes: list[str], space: bool, rng: np.random.Generator
) -> None:
    spelt = spelt_postcodes(np.array(codes), Habits(postcode_space=space, slack=1.0), rng=rng)
    assert [code.upper().replace(" ", "") for code in spelt.tolist()] == [code.replace(" ", "") for code in codes]
