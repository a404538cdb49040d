"""Hard cases of the made-up children: each is recorded where it is, and nowhere else."""

import unicodedata
from collections import Counter
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.rehearsal.children import MOBILE, Population, make_children
from services.rehearsal.extracts import Extract, draw_extract
from services.rehearsal.holder_specs import COUNCIL, ICB, SOCIAL_CARE
from services.rehearsal.look_alikes import ADOPTED, NAMESAKES
from services.rehearsal.transliterations import SPELLINGS, in_own_script, romanised, transliterated, ukrainian
from services.rehearsal.truth import groups_of, never_linked, subgroups, true_links

TODAY = date(2025, 9, 1)
CHILDREN = 40_000

Drawn = tuple[Population, Extract, Extract, Extract]


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    rng = np.random.default_rng(17)
    population = make_children(CHILDREN, today=TODAY, rng=rng)
    a, b, c = (
        draw_extract(population, holder=holder, rows=rows, scenario="high", rng=rng)
        for holder, rows in ((COUNCIL, 12_000), (ICB, 16_000), (SOCIAL_CARE, 12_000))
    )
    return population, a, b, c


def column(extract: Extract, field: str) -> NDArray[np.str_]:
    return np.array(extract.table[extract.holder.columns[field]].to_pylist(), dtype=np.str_)


def scripts(text: str) -> set[str]:
    return {unicodedata.name(letter).split()[0] for letter in text if letter.isalpha()}


def test_an_adopted_child_is_two_records_that_share_what_cannot_be_changed(drawn: Drawn) -> None:
    population = drawn[0]
    old = np.flatnonzero(population.adopted >= 0)
    new = population.adopted[old]
    assert len(old) == 2 * round(ADOPTED * CHILDREN)
    assert np.array_equal(population.adopted[new], old)
    for field in ("date_of_birth", "sex"):
        values = getattr(population, field)
        assert np.array_equal(values[old], values[new]), field
    for field in ("nhs_number", "upn", "household"):
        values = getattr(population, field)
        assert (values[old] != values[new]).all(), field
    assert (population.surname[old] != population.surname[new]).mean() > 0.97
    kept = (population.forename[old] == population.forename[new]).mean()
    assert abs(kept - 0.8) < 4 * np.sqrt(0.8 * 0.2 / (len(old) / 2))


def test_the_two_records_of_an_adopted_child_are_no_true_link_and_are_told(drawn: Drawn) -> None:
    population, a, b, _ = drawn
    row_a, row_b = never_linked(population, a, b)
    assert len(row_a) > 20
    assert np.array_equal(population.adopted[a.child[row_a]], b.child[row_b])
    true = true_links(a, b)
    assert not set(zip(row_a.tolist(), row_b.tolist(), strict=True)) & set(
        zip(true.row_a.tolist(), true.row_b.tolist(), strict=True)
    )
    both = set(a.child.tolist()), set(b.child.tolist())
    expected = [child for child in both[0] if int(population.adopted[child]) in both[1]]
    assert sorted(a.child[row_a].tolist()) == sorted(expected)


def test_namesakes_share_names_and_birthday_and_are_two_children(drawn: Drawn) -> None:
    population = drawn[0]
    keys = list(
        zip(population.forename.tolist(), population.surname.tolist(), population.date_of_birth.tolist(), strict=True)
    )
    counted = Counter(keys)
    assert np.array_equal(population.namesake, [counted[key] > 1 for key in keys])
    assert population.namesake.sum() >= 1.9 * round(NAMESAKES * CHILDREN)


def test_households_that_move_often_have_several_former_addresses_and_the_others_one(drawn: Drawn) -> None:
    population = drawn[0]
    distinct = np.array([len(set(row)) for row in population.former_postcodes.tolist()])
    assert (distinct[~population.mobile] == 1).all()
    assert (distinct[population.mobile] >= 3).mean() > 0.99
    assert (population.former_postcodes != population.postcode[:, None]).all()
    of_household = np.unique(population.household, return_index=True)[1]
    assert abs(population.mobile[of_household].mean() - MOBILE) < 4 * np.sqrt(MOBILE / len(of_household))


def test_an_address_says_which_postcode_the_record_has(drawn: Drawn) -> None:
    population, a, _, _ = drawn
    asked = (a.address > 0) & ~a.faults["postcode_partly"] & ~a.faults["no_fixed_abode"] & ~a.faults["missing_postcode"]
    written = np.array([code.upper().replace(" ", "") for code in column(a, "postcode").tolist()])
    former = population.former_postcodes[a.child, np.maximum(a.address, 1) - 1]
    assert np.array_equal(written[asked], np.strings.replace(former[asked], " ", ""))
    assert set(np.unique(a.address).tolist()) == {0, 1, 2, 3, 4}
    assert np.array_equal(a.faults["moved"], a.address > 0)


def test_two_records_of_a_family_that_moves_may_have_two_former_addresses(drawn: Drawn) -> None:
    population, a, b, _ = drawn
    links = true_links(a, b)
    moved = subgroups(population, a, b)["moved"]
    both = a.faults["moved"][links.row_a] & b.faults["moved"][links.row_b]
    mobile = population.mobile[links.child]
    assert (moved & both).any()
    assert not (moved & both & ~mobile).any()
    assert moved[mobile].mean() > 1.3 * moved[~mobile].mean()


def test_values_are_missing_together_and_more_often_of_families_that_move(drawn: Drawn) -> None:
    population, a, _, c = drawn
    for extract in (a, c):
        mobile = population.mobile[extract.child]
        number, postcode = extract.faults["missing_nhs_number"], extract.faults["missing_postcode"]
        assert postcode[number].mean() > 1.5 * postcode[~number].mean()
        assert number[mobile].mean() > 1.3 * number[~mobile].mean()


def test_kinds_of_other_names_are_parts_of_what_differs_in_part(drawn: Drawn) -> None:
    for extract in drawn[1:]:
        faults = extract.faults
        partly = faults["forename_partly"] | faults["surname_partly"]
        for kind in ("nickname", "initial_only", "transliterated", "half_a_name"):
            assert faults[kind].any(), kind
            assert not (faults[kind] & ~partly).any(), kind


def test_an_initial_is_one_letter_of_the_name(drawn: Drawn) -> None:
    population, a, _, _ = drawn
    alone = a.faults["initial_only"] & ~a.faults["names_swapped"] & ~a.faults["missing_forename"]
    alone &= ~a.faults["own_script"] & ~a.faults["forename_changed"] & ~a.faults["half_a_name"]
    written, true = column(a, "forename")[alone], population.forename[a.child[alone]]
    assert len(written) > 10
    assert all(one.strip().lower() in {two[0].lower(), "o"} for one, two in zip(written, true, strict=True))


def test_only_a_holder_whose_system_can_hold_it_has_names_in_their_own_script(drawn: Drawn) -> None:
    population, a, b, _ = drawn
    assert not b.faults["own_script"].any()
    assert all(name.isascii() for name in [*column(b, "forename"), *column(b, "surname")])
    both = [f"{one} {two}" for one, two in zip(column(a, "forename"), column(a, "surname"), strict=True)]
    foreign = np.array([bool(scripts(text) - {"LATIN"}) for text in both])
    assert foreign.sum() > 5
    assert np.array_equal(foreign, a.faults["own_script"] & foreign)
    assert not (population.ethnicity[a.child[foreign]] == "WBRI").any()


def test_wrong_dates_are_told_apart(drawn: Drawn) -> None:
    population, _, _, c = drawn
    written = column(c, "date_of_birth")
    kinds = {"day_and_month_swapped": 0, "estimated_date": 0}
    for row in np.flatnonzero(c.faults["date_of_birth_wrong"] & ~c.faults["missing_date_of_birth"]).tolist():
        born, said = population.date_of_birth[c.child[row]].item(), date.fromisoformat(str(written[row]))
        turned = (said.year, said.month, said.day) == (born.year, born.day, born.month)
        estimated = (said.month, said.day) == (1, 1) and said.year == born.year
        assert c.faults["day_and_month_swapped"][row] == turned
        assert c.faults["estimated_date"][row] == estimated
        kinds["day_and_month_swapped"] += turned
        kinds["estimated_date"] += estimated
    assert kinds["estimated_date"] > 0
    for kind in kinds:
        assert not (c.faults[kind] & ~c.faults["date_of_birth_wrong"]).any()


def test_babies_without_a_forename_are_told(drawn: Drawn) -> None:
    population, _, b, _ = drawn
    baby = b.faults["baby_without_forename"]
    assert baby.any()
    assert np.array_equal(baby, b.faults["missing_forename"] & (population.age[b.child] < 1))
    assert {name.split()[0].lower() for name in column(b, "forename")[baby].tolist()} <= {"baby", "infant"}


def test_groups_are_of_any_pairs_of_rows(drawn: Drawn) -> None:
    population, a, b, _ = drawn
    rows = np.arange(200)
    groups = groups_of(population, a, b, rows, rows[::-1])
    assert np.array_equal(groups["triplet"], population.triplet[a.child[:200]])
    assert np.array_equal(groups["adopted"], population.adopted[a.child[:200]] >= 0)
    assert np.array_equal(groups["sex_wrong"], a.faults["sex_wrong"][rows] | b.faults["sex_wrong"][rows[::-1]])
    assert np.array_equal(groups["moved"], a.address[rows] != b.address[rows[::-1]])
    january = [(day.month, day.day) == (1, 1) for day in population.date_of_birth[a.child[rows]].tolist()]
    assert np.array_equal(groups["born_on_1_january"], january)


@pytest.mark.parametrize(
    ("name", "latin"),
    [("Згурський", "Zghurskyi"), ("Їжакевич", "Yizhakevych"), ("Єнакієве", "Yenakiieve"), ("Знам'янка", "Znamianka")],
)
def test_ukrainian_names_are_romanised_as_in_passports(name: str, latin: str) -> None:
    """Resolution 55 of the Cabinet of Ministers of Ukraine, 2010, with its own examples."""
    assert romanised(name) == latin


@given(st.sampled_from(ukrainian("last_names_common")), st.sampled_from(ukrainian("first_names_male")))
def test_a_ukrainian_child_has_both_names_in_its_script(surname: str, forename: str) -> None:
    assert scripts("".join(in_own_script(forename, surname))) == {"CYRILLIC"}


def test_a_name_of_no_other_script_stays() -> None:
    assert in_own_script("Dan", "Carter") == ("Dan", "Carter")
    assert in_own_script("Muhammad Yasir", "Khan") == ("محمد Yasir", "خان")


@given(st.sampled_from(SPELLINGS), st.data())
def test_another_spelling_is_of_the_same_name(line: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(line.split()))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    other = transliterated(name, rng=rng)
    assert other != name
    assert any({name, other} <= set(each.split()) for each in SPELLINGS)
    assert transliterated(f"{name} Zzz", rng=rng).endswith(" Zzz")
    assert transliterated("Zzz", rng=rng) == "Zzz"


def test_the_hard_scenario_has_every_hard_case_often() -> None:
    rng = np.random.default_rng(5)
    population = make_children(10_000, today=TODAY, rng=rng)
    extract = draw_extract(population, holder=SOCIAL_CARE, rows=5_000, scenario="hard", rng=rng)
    rare = {"own_script", "transliterated", "baby_without_forename", "missing_sex", "missing_date_of_birth"}
    rare |= {"missing_forename", "missing_surname"}
    for name, mask in extract.faults.items():
        assert mask.mean() > 0.004 or name in rare, name
    for name in ("own_script", "transliterated"):
        assert extract.faults[name].sum() > 10, name
