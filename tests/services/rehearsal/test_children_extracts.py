"""What holders hand in: published rates of disagreement, honest labels of faults, and the truth between files."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from services.rehearsal.children import Population, make_children
from services.rehearsal.extracts import Extract, draw_extract
from services.rehearsal.habits import Habits
from services.rehearsal.holder_specs import COUNCIL, ICB, SOCIAL_CARE, HolderSpec
from services.rehearsal.truth import subgroups, true_links

TODAY = date(2025, 9, 1)
CHILDREN = 30_000
FIELDS = ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number", "upn")


def everyone(population: Population) -> NDArray[np.float64]:
    return np.ones(len(population))


PLAIN = replace(
    COUNCIL,
    coverage=everyone,
    missing={},
    habits=Habits(slack=0.0),
    spaced_nhs_number=False,
    upn_ages=(0, 25),
)
"""A holder of every child, with all fields and one spelling, so that only its faults differ from the truth."""


@pytest.fixture(scope="module")
def population() -> Population:
    return make_children(CHILDREN, today=TODAY, rng=np.random.default_rng(21))


def draw(population: Population, holder: HolderSpec, rows: int, *, seed: int, scenario: str = "low") -> Extract:
    return draw_extract(population, holder=holder, rows=rows, scenario=scenario, rng=np.random.default_rng(seed))


Whole = Mapping[str, tuple[Extract, Extract]]


@pytest.fixture(scope="module")
def whole(population: Population) -> Whole:
    """Two plain extracts of everyone in each scenario."""
    return {
        scenario: (
            draw(population, PLAIN, CHILDREN, seed=1, scenario=scenario),
            draw(population, PLAIN, CHILDREN, seed=2, scenario=scenario),
        )
        for scenario in ("low", "high")
    }


def values(extract: Extract, field: str) -> NDArray[np.str_]:
    """Return one field of the extract, in the order of the children."""
    column = np.array(extract.table[extract.holder.columns[field]].to_pylist(), dtype=np.str_)
    return column[np.argsort(extract.child)]


def fault(extract: Extract, name: str) -> NDArray[np.bool_]:
    return extract.faults[name][np.argsort(extract.child)]


@pytest.mark.parametrize(
    ("scenario", "name", "published", "clustering"),
    [
        ("low", "forename_changed", 0.006, 1),
        ("high", "forename_changed", 0.03, 1),
        ("low", "names_swapped", 0.0019, 1),
        ("low", "date_of_birth_wrong", 0.0049, 1),
        ("low", "sex_wrong", 0.0033, 1),
        ("low", "moved", 0.10, 2.5),
        ("high", "moved", 0.30, 2.5),
        ("low", "postcode_partly", 0.0097, 1),
    ],
)
def test_pairs_of_records_disagree_at_the_published_rate(
    population: Population, whole: Whole, scenario: str, name: str, published: float, clustering: float
) -> None:
    share = float(subgroups(population, *whole[scenario])[name].mean())
    # Wide enough for households that move as one, and for a fault that by chance changes nothing.
    error = 4 * math.sqrt(clustering * published * (1 - published) / CHILDREN)
    assert abs(share - published) < error + 0.02 * published


@pytest.mark.parametrize(
    ("scenario", "sex", "published"),
    [("low", "F", 0.057), ("low", "M", 0.013), ("high", "F", 0.158), ("high", "M", 0.158)],
)
def test_surnames_change_at_the_published_rate_of_each_sex(
    population: Population, whole: Whole, scenario: str, sex: str, published: float
) -> None:
    of_sex = population.sex == sex
    share = float(subgroups(population, *whole[scenario])["surname_changed"][of_sex].mean())
    # A few families have the former surname again by chance: most where a custom leaves little choice.
    error = 4 * math.sqrt(2 * published * (1 - published) / of_sex.sum())
    assert published * 0.93 - error < share < published + error


@pytest.mark.parametrize(("scenario", "name", "published"), [("low", "partly", 0.018), ("high", "partly", 0.093)])
def test_forenames_differ_in_part_at_the_published_rate(
    population: Population, whole: Whole, scenario: str, name: str, published: float
) -> None:
    one_part = np.strings.find(population.forename, "-") + np.strings.find(population.forename, " ") == -2
    share = float(subgroups(population, *whole[scenario])[f"forename_{name}"][one_part].mean())
    assert abs(share - published) < 4 * math.sqrt(published / CHILDREN) + 0.05 * published


@pytest.mark.parametrize("scenario", ["low", "high"])
def test_a_fault_is_labelled_where_the_file_differs_from_the_truth_and_nowhere_else(
    population: Population, whole: Whole, scenario: str
) -> None:
    extract = whole[scenario][0]
    truth = {
        "forename": population.forename,
        "surname": population.surname,
        "sex": population.sex,
        "date_of_birth": population.date_of_birth.astype("U10"),
        "postcode": population.postcode,
        "nhs_number": population.nhs_number,
        "upn": population.upn,
    }
    either = ("names_swapped", "own_script")
    labels = {
        "forename": ("forename_changed", "forename_partly", *either),
        "surname": ("surname_changed", "surname_partly", *either),
        "sex": ("sex_wrong",),
        "date_of_birth": ("date_of_birth_wrong",),
        "postcode": ("moved", "postcode_partly", "no_fixed_abode"),
        "nhs_number": ("nhs_number_of_another",),
        "upn": (),
    }
    for field in FIELDS:
        differs = values(extract, field) != truth[field]
        labelled = (
            np.any([fault(extract, name) for name in labels[field]], axis=0) if labels[field] else differs & False
        )
        assert not (differs & ~labelled).any(), field
        # A respelling may undo a changed name, a swap may meet a name that is forename and surname at once, and of a
        # child whose name is in its own script it may be the other name.
        assert (labelled & ~differs & ~fault(extract, "own_script")).sum() <= 0.01 * labelled.sum(), field


def test_a_wrong_date_is_mostly_wrong_in_one_part(population: Population, whole: Whole) -> None:
    one = total = 0
    for extract in whole["high"]:
        written, true = values(extract, "date_of_birth"), population.date_of_birth.astype("U10")
        for a, b in zip(written[written != true].tolist(), true[written != true].tolist(), strict=True):
            one += sum(x != y for x, y in zip(a.split("-"), b.split("-"), strict=True)) == 1
            total += 1
            assert date.fromisoformat(a) <= TODAY
    assert total > 150
    assert abs(one / total - 0.93) < 4 * math.sqrt(0.93 * 0.07 / total)


def test_rows_without_an_abode_have_the_postcode_for_it(whole: Whole) -> None:
    for extract in whole["low"]:
        homeless = values(extract, "postcode") == "ZZ99 3VZ"
        assert np.array_equal(homeless, fault(extract, "no_fixed_abode"))
        assert abs(homeless.mean() - 0.002) < 4 * math.sqrt(0.002 / CHILDREN)


def test_families_move_and_change_their_surname_together(population: Population, whole: Whole) -> None:
    extract = whole["high"][0]
    place = np.flatnonzero(population.household[1:] == population.household[:-1])
    moved = fault(extract, "moved")
    assert moved[place].any()
    assert np.array_equal(moved[place], moved[place + 1])
    alike = place[population.sex[place] == population.sex[place + 1]]
    changed = fault(extract, "surname_changed")
    assert changed[alike].any()
    assert np.array_equal(changed[alike], changed[alike + 1])


def test_only_the_high_scenario_gives_a_child_the_nhs_number_of_a_sibling(population: Population, whole: Whole) -> None:
    assert not fault(whole["low"][0], "nhs_number_of_another").any()
    extract = whole["high"][0]
    wrong = np.flatnonzero(fault(extract, "nhs_number_of_another"))
    assert len(wrong) > 0
    owner = {number: child for child, number in enumerate(population.nhs_number.tolist())}
    for child in wrong.tolist():
        other = owner[str(values(extract, "nhs_number")[child])]
        assert other != child
        assert population.household[other] == population.household[child]


@pytest.mark.parametrize("holder", [COUNCIL, ICB, SOCIAL_CARE], ids=lambda holder: str(holder.name))
def test_every_holder_hands_in_as_many_rows_as_asked_each_of_another_child(
    population: Population, holder: HolderSpec
) -> None:
    extract = draw(population, holder, 5_000, seed=3)
    assert extract.table.num_rows == len(extract) == 5_000
    assert len(np.unique(extract.child)) == 5_000
    assert len(np.unique(extract.row_ids)) == 5_000
    assert extract.table.column_names[: len(holder.columns)] == list(holder.columns.values())
    assert extract.table[holder.columns["id"]].to_pylist() == extract.row_ids.tolist()
    assert repr(extract) == f"Extract(holder={holder.name!r}, rows=5000)"


@pytest.mark.parametrize("holder", [COUNCIL, ICB, SOCIAL_CARE], ids=lambda holder: str(holder.name))
def test_values_are_missing_at_the_holders_rates(population: Population, holder: HolderSpec) -> None:
    rows = 8_000
    extract = draw(population, holder, rows, seed=4)
    for field, share in holder.missing.items():
        if field in ("upn", "forename"):
            continue
        column = extract.table[holder.columns[field]].to_pylist()
        blank = holder.codes[2] if field == "sex" else ""
        missing = sum(value == blank for value in column)
        assert missing == extract.faults[f"missing_{field}"].sum()
        assert abs(missing / rows - share) < 4 * math.sqrt(share * (1 - share) / rows), field


def test_upns_are_the_councils_and_only_of_children_of_school_age(population: Population) -> None:
    council = draw(population, COUNCIL, 8_000, seed=5)
    known = np.array([len(upn) == 13 for upn in council.table["upn"].to_pylist()])
    age = population.age[council.child]
    assert np.array_equal(known, ~council.faults["missing_upn"])
    assert not known[(age < 4) | (age > 19)].any()
    assert abs(known[(age >= 4) & (age <= 19)].mean() - 0.97) < 0.01
    assert "upn" not in ICB.columns


def test_infants_may_have_no_forename_yet(population: Population) -> None:
    icb = draw(population, ICB, 10_000, seed=6)
    infant = population.age[icb.child] < 1
    unnamed = np.strings.find(np.array(icb.table["Forename"].to_pylist(), dtype=np.str_), "Baby") == 0
    assert unnamed[infant].any()
    assert not unnamed[~infant].any()


def test_holders_spell_as_their_systems_do(population: Population) -> None:
    council, icb, care = (draw(population, holder, 8_000, seed=7) for holder in (COUNCIL, ICB, SOCIAL_CARE))
    upper = [name.isupper() for name in icb.table["Surname"].to_pylist()]
    assert 0.94 < sum(upper) / len(upper) < 1
    assert all(name.isascii() for name in icb.table["Surname"].to_pylist())
    assert any(not name.isascii() for name in council.table["surname"].to_pylist())
    assert not any("'" in name for name in icb.table["Surname"].to_pylist())
    assert any("'" in name for name in council.table["surname"].to_pylist())
    assert any("\u2019" in name for name in care.table["pers_surname"].to_pylist())
    assert not any(" " in code.strip() for code in care.table["addr_address_postcode"].to_pylist())


def test_holders_overlap_and_brothers_and_sisters_come_together(population: Population) -> None:
    council, icb = draw(population, COUNCIL, 3_500, seed=8), draw(population, ICB, 10_500, seed=9)
    by_chance = 3_500 * 10_500 / CHILDREN
    assert by_chance < len(true_links(council, icb)) < 2 * by_chance
    households = len(np.unique(population.household[council.child]))
    at_random = np.random.default_rng(1).choice(CHILDREN, size=3_500, replace=False)
    assert households < len(np.unique(population.household[at_random]))


def test_true_links_are_of_one_child_and_complete(population: Population) -> None:
    a, b = draw(population, COUNCIL, 3_000, seed=10), draw(population, SOCIAL_CARE, 3_000, seed=11)
    links = true_links(a, b)
    assert len(links) == len(set(a.child.tolist()) & set(b.child.tolist())) > 0
    assert np.array_equal(a.child[links.row_a], links.child)
    assert np.array_equal(b.child[links.row_b], links.child)
    assert np.array_equal(a.row_ids[links.row_a], links.id_a)
    assert np.array_equal(b.row_ids[links.row_b], links.id_b)
    assert repr(links) == f"TrueLinks(links={len(links)})"


def test_subgroups_are_true_of_their_links(population: Population) -> None:
    a, b = draw(population, COUNCIL, 4_000, seed=12), draw(population, ICB, 10_000, seed=13)
    links = true_links(a, b)
    groups = subgroups(population, a, b)
    assert all(len(mask) == len(links) for mask in groups.values())
    assert np.array_equal(groups["girls"], ~groups["boys"])
    bands = sum(groups[name].astype(int) for name in groups if re.match("age_", name))
    communities = sum(groups[name].astype(int) for name in groups if re.match("ethnicity_", name))
    assert set(np.unique(bands)) == set(np.unique(communities)) == {1}
    number_a = np.array(a.table["nhsnumber"].to_pylist())[links.row_a]
    number_b = np.array(b.table["NHSNumber"].to_pylist())[links.row_b]
    assert np.array_equal(groups["missing_nhs_number"], (number_a == "") | (number_b == ""))
    held = set(a.child.tolist()) | set(b.child.tolist())
    for link, child in enumerate(links.child.tolist()):
        twins = [other for other in (child - 2, child - 1, child + 1, child + 2) if 0 <= other < CHILDREN]
        twins = [other for other in twins if population.birth[other] == population.birth[child]]
        assert groups["twin"][link] == bool(twins)
        assert groups["twin_in_files"][link] == any(other in held for other in twins)


def test_a_holder_that_covers_too_few_children_says_so(population: Population) -> None:
    nobody = replace(COUNCIL, coverage=lambda children: np.zeros(len(children)))
    with pytest.raises(ValueError, match="make a larger population"):
        draw(population, nobody, 1, seed=1)
    assert len(draw(population, nobody, 0, seed=1)) == 0


def test_an_unknown_scenario_is_refused(population: Population) -> None:
    with pytest.raises(KeyError):
        draw(population, COUNCIL, 10, seed=1, scenario="medium")
