"""A population of made-up children: seeded, valid, and of the make-up that is published."""

import math
from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from services.rehearsal.child_numbers import UPN_LETTERS
from services.rehearsal.children import Population, make_children
from services.rehearsal.communities import communities
from services.rehearsal.households import make_births
from services.rehearsal.names import FORENAME_CURVE, pool

TODAY = date(2025, 9, 1)
CHILDREN = 40_000
INWARD_LETTERS = set("ABDEFGHJLNPQRSTUWXYZ")


@pytest.fixture(scope="module")
def population() -> Population:
    return make_children(CHILDREN, today=TODAY, rng=np.random.default_rng(5))


def near(share: float, published: float, trials: int, *, clustering: float = 1.0) -> bool:
    """Whether a share lies within four standard errors of the published one, wider where trials come in clusters."""
    return abs(share - published) < 4 * math.sqrt(clustering * published * (1 - published) / trials)


def nhs_check_digit(core: str) -> int:
    return (11 - sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), core, strict=True)) % 11) % 11


def upn_check_letter(body: str) -> str:
    alphabet = "ABCDEFGHJKLMNPQRTUVWXYZ"
    values = [int(c) if c.isdigit() else alphabet.index(c) for c in body]
    return alphabet[sum(weight * value for weight, value in zip(range(2, 14), values, strict=True)) % 23]


def test_this_files_own_checks_agree_with_published_examples() -> None:
    assert nhs_check_digit("943476591") == 9
    assert upn_check_letter("801200005001") == "B"
    assert upn_check_letter("80120000500A") == "M"
    assert "".join(UPN_LETTERS) == "ABCDEFGHJKLMNPQRTUVWXYZ"


def test_the_same_seed_makes_the_same_children_and_another_makes_others() -> None:
    first, again, other = (make_children(500, today=TODAY, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    for name in vars(first):
        assert np.array_equal(getattr(first, name), getattr(again, name)), name
    assert not np.array_equal(first.forename, other.forename)
    assert not np.array_equal(first.nhs_number, other.nhs_number)


@pytest.mark.parametrize("count", [0, 1, 2, 999])
def test_a_population_has_exactly_as_many_children_as_were_asked_for(count: int) -> None:
    population = make_children(count, today=TODAY, rng=np.random.default_rng(3))
    assert {len(values) for name, values in vars(population).items() if name != "today"} == {count}
    assert len(population) == count


def test_repr_shows_no_child(population: Population) -> None:
    assert repr(population) == f"Population(children={CHILDREN})"


def test_nhs_numbers_are_valid_distinct_and_of_the_test_range(population: Population) -> None:
    numbers = population.nhs_number.tolist()
    assert len(set(numbers)) == CHILDREN
    assert all(len(n) == 10 and n[0] == "9" and n != "9" * 10 for n in numbers)
    assert all(nhs_check_digit(n[:9]) == int(n[9]) for n in numbers)


def test_upns_are_valid_and_distinct_and_a_few_are_temporary(population: Population) -> None:
    upns = population.upn.tolist()
    assert len(set(upns)) == CHILDREN
    assert all(len(upn) == 13 and upn_check_letter(upn[1:]) == upn[0] for upn in upns)
    assert all(upn[1:12].isdigit() and upn[1:3] == "99" for upn in upns)
    assert near(sum(upn[12].isalpha() for upn in upns) / CHILDREN, 0.005, CHILDREN)


def test_postcodes_have_the_form_of_real_ones(population: Population) -> None:
    for postcode in np.unique(np.append(population.former_postcodes, population.postcode)).tolist():
        outward, inward = postcode.split(" ")
        assert outward[:2].isalpha()
        assert outward[2:].isdigit()
        assert outward[2] != "0"
        assert inward[0].isdigit()
        assert set(inward[1:]) <= INWARD_LETTERS
        assert len(inward) == 3


def test_few_households_share_a_postcode_and_many_a_sector(population: Population) -> None:
    codes, of_household = np.unique(population.household, return_index=True)
    homes = population.postcode[of_household]
    _, households = np.unique(homes, return_counts=True)
    assert households.max() <= 3
    assert 1.4 < households.mean() < 1.8
    sectors = np.unique(np.strings.slice(population.postcode, 0, -2))
    assert CHILDREN / len(sectors) > 200
    assert len(codes) == len(of_household)


def test_ages_run_from_0_to_25_with_every_cohort_in_it(population: Population) -> None:
    ages = np.bincount(population.age)
    assert len(ages) == 26
    assert ages.min() > 0.6 * CHILDREN / 26
    assert ages[12:16].mean() > 1.1 * ages[:4].mean()


@pytest.mark.parametrize("today", [date(2024, 2, 29), date(2025, 1, 1), date(2023, 12, 31), date(2025, 2, 28)])
def test_ages_are_whole_years_on_the_day_that_is_given(today: date) -> None:
    population = make_children(4000, today=today, rng=np.random.default_rng(9))
    for born, age in zip(population.date_of_birth.tolist(), population.age.tolist(), strict=True):
        assert born <= today
        assert age == today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        assert 0 <= age <= 25


def test_twins_are_about_three_children_in_a_hundred_and_mostly_of_one_sex(population: Population) -> None:
    twins = np.flatnonzero(population.twin)
    assert near(len(twins) / CHILDREN, 0.03, CHILDREN, clustering=2)
    pairs = pairs_of(population.birth)
    same = population.sex[pairs[:, 0]] == population.sex[pairs[:, 1]]
    assert near(float(same.mean()), 2 / 3, len(pairs), clustering=1.5)


def pairs_of(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return neighbours of one group: int64, shape (pairs, 2)."""
    place = np.flatnonzero(group[1:] == group[:-1])
    return np.stack([place, place + 1], axis=1)


def test_twins_share_birth_home_and_community_and_by_custom_a_surname_but_no_forename(population: Population) -> None:
    pairs = pairs_of(population.birth)
    assert len(pairs) > 400
    for name in ("household", "date_of_birth", "postcode", "mobile", "ethnicity"):
        values = getattr(population, name)
        assert (values[pairs[:, 0]] == values[pairs[:, 1]]).all(), name
    same_sex = pairs[population.sex[pairs[:, 0]] == population.sex[pairs[:, 1]]]
    assert (population.surname[same_sex[:, 0]] == population.surname[same_sex[:, 1]]).all()
    assert (population.forename[pairs[:, 0]] != population.forename[pairs[:, 1]]).all()


def test_siblings_share_a_home_and_nearly_always_a_surname_and_are_no_twins_of_another_birth(
    population: Population,
) -> None:
    pairs = pairs_of(population.household)
    siblings = pairs[population.birth[pairs[:, 0]] != population.birth[pairs[:, 1]]]
    assert (population.postcode[siblings[:, 0]] == population.postcode[siblings[:, 1]]).all()
    assert (population.forename[siblings[:, 0]] != population.forename[siblings[:, 1]]).all()
    shared = population.surname[siblings[:, 0]] == population.surname[siblings[:, 1]]
    assert 0.95 < shared.mean() < 1


def test_hyphenated_forenames_are_as_common_as_published(population: Population) -> None:
    hyphenated = np.strings.find(population.forename, "-") > 0
    for sex, share in (("F", 0.043), ("M", 0.009)):
        of_sex = population.sex == sex
        assert near(float(hyphenated[of_sex].mean()), share, int(of_sex.sum())), sex


def test_some_surnames_are_double_barrelled_or_of_two_words_or_have_marks(population: Population) -> None:
    surnames = population.surname.tolist()
    assert 0.015 < sum("-" in name for name in surnames) / CHILDREN < 0.05
    assert any(" " in name for name in surnames)
    assert sum("'" in name for name in surnames) > 100
    assert sum(not name.isascii() for name in surnames) > 200


def test_names_are_as_concentrated_as_a_real_roll(population: Population) -> None:
    """Published for England and Wales, births 2000-2024 and surnames: the chance that two share a name."""
    girls, boys = (population.forename[population.sex == sex] for sex in "FM")
    for names, low, high in ((girls, 0.0020, 0.0045), (boys, 0.0020, 0.0060), (population.surname, 0.0008, 0.0025)):
        _, counts = np.unique(names, return_counts=True)
        shares = counts / len(names)
        assert low < float((shares**2).sum()) < high
        assert 0.009 < shares.max() < 0.025
    assert len(np.unique(population.surname)) > 7_000


def test_family_customs_hold() -> None:
    population = make_children(20_000, today=TODAY, rng=np.random.default_rng(11))
    girls, boys = population.sex == "F", population.sex == "M"
    assert not np.strings.endswith(population.surname[boys], "ska").any()
    polish = np.strings.endswith(population.surname, "ski") | np.strings.endswith(population.surname, "ska")
    assert polish.sum() > 50
    assert not np.strings.endswith(population.surname[girls & (population.ethnicity == "WOTH")], "ski").any()
    singhs = (population.surname == "Singh") & (population.ethnicity == "AIND")
    assert singhs[boys].any()
    assert not singhs[girls].any()


def test_the_communities_make_up_the_whole_population() -> None:
    assert math.isclose(sum(community.share for community in communities()), 1.0)


def test_a_share_of_children_has_special_needs_and_of_those_some_have_a_plan(population: Population) -> None:
    needs = population.need != ""
    assert near(float(needs.mean()), 0.18, CHILDREN, clustering=1.5)
    assert not (population.has_plan & ~needs).any()
    assert near(float(population.has_plan[needs].mean()), 0.26, int(needs.sum()))


def test_births_of_a_household_are_in_order_and_apart() -> None:
    births = make_births(20_000, today=TODAY, rng=np.random.default_rng(2))
    pairs = pairs_of(births.household)
    gap = (births.date_of_birth[pairs[:, 1]] - births.date_of_birth[pairs[:, 0]]).astype(np.int64)
    twins = births.birth[pairs[:, 0]] == births.birth[pairs[:, 1]]
    assert (gap[twins] == 0).all()
    assert (gap[~twins] >= 299).all()
    assert np.array_equal(births.household, np.sort(births.household))


def test_a_pool_draws_its_first_names_most_and_drops_what_is_no_name() -> None:
    names = pool(["Ann", "Ann", "bob", "Cy1", "D", "Eve", "\u0410\u043d\u043d\u0430"], FORENAME_CURVE)
    assert names.names.tolist() == ["Ann", "Eve"]
    drawn = names.draw(10_000, np.random.default_rng(1))
    assert (drawn == "Ann").sum() > (drawn == "Eve").sum() > 4_000
