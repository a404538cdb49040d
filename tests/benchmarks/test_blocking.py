"""Blocking on made-up children: what is counted agrees with itself, and hashing with its formula."""

import json
import math
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import blocking
from benchmarks.ablation import DESIGN, in_part, replaced
from benchmarks.hashing import Costs, Sample, Tables, find, hardened_agreement, meeting, tables_needed
from benchmarks.scale import LENGTH
from benchmarks.schemes import Scheme, schemes
from benchmarks.simulation import Sides, Simulation, encode, simulate, union
from encoder.harden import draw, harden
from keys.terms import FuzzyKey, Terms

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "scale.md"
ROWS = 500
BANDS = LENGTH // 16
FEW_TABLES = (("bands of 16 bits", Tables(16, BANDS)),)
COSTS = Costs(row=2e-7, pair=7e-8)


@cache
def children(scenario: str) -> Simulation:
    return simulate(ROWS, scenario=scenario)


def numbers_and_fuzzy(terms: Terms) -> Terms:
    """The same without tuples, which leave hardly any true link to fuzzy match-keys."""
    kept = tuple(key for key in terms.match_keys if key.name in terms.numbers or isinstance(key, FuzzyKey))
    return terms.model_copy(update={"match_keys": kept})


@cache
def found(scenario: str) -> list[Scheme]:
    return schemes(children(scenario), np.random.default_rng(1), hashed=FEW_TABLES)


@pytest.mark.parametrize("scenario", blocking.SCENARIOS)
def test_every_scheme_lists_a_part_of_what_the_exhaustive_comparison_lists(scenario: str) -> None:
    first, *others = found(scenario)
    assert (first.name, first.compared, first.unlisted, first.lost) == ("exhaustive", 1, 0, 0)
    assert len(children(scenario).truth) > 100
    for one in others:
        assert 0 < one.compared <= 1 or one.name == "exact match-keys alone", one  # all are of one district
        assert 0 <= one.unlisted < 0.5, one
        assert one.pairs <= first.pairs, one
        assert one.lost < 0.5, one


@pytest.mark.parametrize(("count", "compared"), [(1, []), (2, [1 / 2]), (4, [3 / 4, 1 / 2, 1 / 4])])
def test_fewer_match_keys_miss_more_and_save_in_proportion(count: int, compared: list[float]) -> None:
    made = children("high")
    terms = replaced(made.terms, in_part(dict(list(DESIGN.items())[:count])))
    simulation = encode(Sides(made.terms, (made.identifiers[0], made.identifiers[1]), made.truth), terms)
    every = schemes(simulation, np.random.default_rng(1), hashed=())
    by_count = [one for one in every if one.name.startswith("match-keys")]
    assert [one.compared for one in by_count] == compared
    alone = next(one for one in every if one.name == "exact match-keys alone")
    assert (alone.compared, every[0].unlisted) == (0, 0)
    unlisted = [0.0, *(one.unlisted for one in by_count), alone.unlisted]
    assert unlisted == sorted(unlisted)
    assert alone.unlisted > 0.1


def test_exact_match_keys_list_every_pair_that_shares_a_token() -> None:
    simulation = children("high")
    assert simulation.exact_keys == [
        "nhs-number",
        "forename-postcode",
        "forename-birth",
        "birth-postcode",
        "surname-birth",
    ]
    by_key = [simulation.sharing(key) for key in simulation.exact_keys]
    assert all(len(pairs) > 0 for pairs in by_key)
    assert max(map(len, by_key)) < len(simulation.exact) < sum(map(len, by_key))
    assert (simulation.exact == union(by_key)).all()


def test_either_token_misses_less_than_each_and_tells_what_both_tell() -> None:
    year, district, either = (one for one in found("high") if one.bits_told)
    assert either.unlisted <= min(year.unlisted, district.unlisted)
    assert max(year.compared, district.compared) <= either.compared < year.compared + district.compared
    assert either.bits_told == pytest.approx(year.bits_told + district.bits_told)
    assert 1 / 30 < year.compared < 1 / 10


def test_rows_set_aside_are_those_with_a_number_in_common() -> None:
    simulation = children("low")
    aside = len(simulation.sharing("nhs-number"))
    expected = (1 - aside / simulation.rows[0]) * (1 - aside / simulation.rows[1])
    assert found("low")[1].compared == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("tables", [Tables(8, 40), Tables(12, 170), Tables(16, 300)])
def test_hashing_finds_as_many_true_links_as_the_formula_says(tables: Tables) -> None:
    simulation = children("high")
    listed = np.intersect1d(union(simulation.listed()), simulation.truth)
    sample = Sample(simulation.similarity(listed), simulation.similarity(listed), simulation.floor, simulation.length)
    pairs, _ = find(simulation, tables, np.random.default_rng(5))
    lost = len(listed) - len(np.intersect1d(pairs, listed))
    expected = sample.lost(tables)
    deviation = math.sqrt(len(listed) * expected * (1 - expected))
    assert abs(lost - len(listed) * expected) <= 4 * deviation + 1


def test_unrelated_rows_meet_as_often_as_the_formula_says() -> None:
    simulation = children("low")
    drawn = simulation.similarity(simulation.drawn(200_000))
    tables = Tables(8, 16)
    _, compared = find(simulation, tables, np.random.default_rng(5))
    once = np.nan_to_num(meeting(drawn, simulation.length, tables.bits))
    expected = float((1 - (1 - once) ** tables.count).mean())
    assert compared / (simulation.rows[0] * simulation.rows[1] * len(simulation.fuzzy)) == pytest.approx(
        expected, rel=0.05
    )


def test_more_tables_than_bands_take_other_positions() -> None:
    bands, twice = (find(children("low"), Tables(16, count), np.random.default_rng(3)) for count in (BANDS, 2 * BANDS))
    assert 1.4 < twice[1] / bands[1] < 2


def test_hashing_lists_nothing_that_the_exhaustive_comparison_does_not() -> None:
    simulation = children("low")
    pairs, _ = find(simulation, Tables(12, 20), np.random.default_rng(2))
    assert len(pairs) > 0
    assert np.isin(pairs, union(simulation.listed())).all()


def test_pairs_called_unrelated_are_not_true() -> None:
    simulation = children("low")
    unrelated = simulation.unrelated(300_000)
    assert len(unrelated) > 290_000
    assert not np.isin(unrelated, simulation.truth).any()
    assert np.isin(simulation.drawn(300_000), simulation.truth).any()


@given(st.sampled_from((4, 8, 16)), st.floats(0.002, 0.2))
def test_the_fewest_tables_for_a_loss_keep_it(bits: int, target: float) -> None:
    simulation = children("high")
    similarity = simulation.similarity(np.intersect1d(union(simulation.listed()), simulation.truth))
    sample = Sample(similarity, similarity[:9], simulation.floor, simulation.length)
    tables = sample.fewest(bits, target)
    assert sample.lost(tables) <= target
    assert tables.count == 1 or sample.lost(Tables(bits, math.floor(0.98 * tables.count) - 1)) > target


@pytest.mark.parametrize("distance", [0.0, 0.02, 0.05, 0.1])
def test_hardened_bits_agree_as_the_formula_says(distance: float) -> None:
    rng = np.random.default_rng(4)
    filters = rng.random((300, 1024)) < 0.31
    changed = filters.copy()
    for row in changed:
        places = rng.choice(1024, round(1024 * distance), replace=False)
        row[places] ^= True
    selection = draw(key=bytes(32), base_length=1024, t=8, length=2048)
    one, other = (np.unpackbits(harden(np.packbits(side, axis=1), selection), axis=1) for side in (filters, changed))
    assert (one == other).mean() == pytest.approx(hardened_agreement(distance, 8), abs=0.01)


@given(st.floats(0.51, 0.99), st.integers(1, 20), st.floats(0.001, 0.5))
def test_as_many_tables_as_are_needed_and_no_more(agreement: float, bits: int, lost: float) -> None:
    count = tables_needed(agreement, bits, lost)
    assert (1 - agreement**bits) ** count <= lost * (1 + 1e-6)
    assert count == 1 or (1 - agreement**bits) ** (count - 1) > lost * (1 - 1e-6)


def test_plans_keep_to_their_loss_and_pay_where_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking, "UNRELATED", 100_000)
    simulation = replace(children("high"), terms=numbers_and_fuzzy(children("high").terms))
    sizes = [(10_000, 10_000), (100_000_000, 100_000_000)]
    few, many = (
        [one for one in blocking.plans(simulation, sizes, rate=1e9, costs=COSTS, core_hour=0.05) if one.rows == n]
        for n, _ in sizes
    )
    for strict, loose in (few, many):
        assert (strict.target, loose.target) == blocking.TARGETS
        assert strict.core_hours > loose.core_hours
        assert loose.missed == pytest.approx(10 * strict.missed, abs=10)
    saved = [one.core_hours / one.exhaustive_core_hours for one in (few[1], many[1])]
    assert saved[1] < saved[0]
    assert many[1].pounds_saved == pytest.approx(0.05 * (many[1].exhaustive_core_hours - many[1].core_hours))


def test_no_tables_are_taken_where_exact_match_keys_list_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking, "UNRELATED", 1_000)
    monkeypatch.setattr(blocking, "TARGETS", (0.9,))
    (plan,) = blocking.plans(children("high"), [(10**6, 10**6)], rate=1e9, costs=COSTS, core_hour=0.05)
    assert (plan.tables, plan.compared, plan.core_hours) == (0, 0, 0)
    assert 0 < plan.missed < 0.1 * 10**6
    assert "| none |" in "\n".join(blocking.plan_table([asdict(plan)]))


def test_the_command_tells_both_scenarios(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--rows", "150", "--rate", "1e9", "--row-ns", "200", "--pair-ns", "70", "--json"]
    monkeypatch.setattr("sys.argv", ["blocking", *words])
    monkeypatch.setattr(blocking, "schemes", partial(schemes, hashed=FEW_TABLES))
    monkeypatch.setattr(blocking, "UNRELATED", 100_000)
    assert blocking.main() == 0
    told = json.loads(capsys.readouterr().out)
    assert told["costs"] == {"row": pytest.approx(2e-7), "pair": pytest.approx(7e-8)}
    for scenario in blocking.SCENARIOS:
        assert told[scenario]["true_links"] > 0
        assert len(told[scenario]["schemes"]) == len(found(scenario))
        assert len(told[scenario]["plans"]) == 6
    printed = "\n".join(blocking.tables(told))
    assert printed.count("\n| exhaustive |") == 2
    assert "nan" not in printed


def test_the_page_holds_the_formula_in_figures() -> None:
    assert "\n".join(blocking.reach_table()) in PAGE.read_text(encoding="utf-8")


def test_pairs_joined_are_sorted_and_none_twice() -> None:
    pairs = union([children("low").exact] * 2)
    assert (np.diff(pairs) > 0).all()
