"""Linkage quality: shares and their intervals, the best threshold, twins, and every program on few made-up children."""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import plaintext, quality
from benchmarks.datasets import NAMES, USUAL, datasets, febrl, generated
from benchmarks.groups import SUBGROUPS, WITHOUT_NUMBER
from benchmarks.judging import Ranked, Twins, best_f1, count, judge, shares, wilson
from benchmarks.quality_tables import tables
from encoder.errors import InputError
from services.rehearsal.truth import subgroups

EVERY = {"ours", "ours, plain", "anonlink, one CLK"}
GENERATOR = ("generator, low", "generator, high")


@cache
def measured() -> dict[str, Any]:
    return quality.measure(150, None, GENERATOR)


def ranked(pairs: dict[int, float], threshold: float = 0.5) -> Ranked:
    return Ranked(np.array(list(pairs), np.int64), np.array(list(pairs.values()), np.float64), threshold)


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_intervals_that_are_published(right: int, of: int, low: float, high: float) -> None:
    """Newcombe 1998, table I, method 3."""
    assert wilson(right, of) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_an_interval_holds_the_share_and_mirrors_its_opposite(of: int, share: float) -> None:
    right = round(share * of)
    low, high = wilson(right, of)
    assert 0 <= low <= right / of <= high <= 1
    assert wilson(of - right, of) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_of_nothing_anything_is_possible() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_best_threshold_takes_equal_scores_all_or_none() -> None:
    truth = np.array([1, 2, 3, 4])
    assert best_f1(ranked({1: 0.9, 2: 0.8, 9: 0.7, 3: 0.7, 8: 0.1}), truth) == (0.75, 0.7)
    assert best_f1(ranked({3: 0.7, 9: 0.7, 8: 0.7}), truth) == (2 / 7, 0.7)
    assert best_f1(ranked({}), truth) == (0.0, 0.5)


def test_the_own_threshold_is_inclusive() -> None:
    figures = judge(ranked({1: 0.9, 2: 0.5, 9: 0.4}), np.array([1, 9]), None)
    assert (figures["right"], figures["false"], figures["missed"]) == (1, 1, 1)


def test_twins_are_counted_once_and_linked_falsely_only_with_each_other() -> None:
    """Children 1 and 2 are twins, on file with both holders; 5 and 6 too, with one each; 3 and 4 are no twins."""
    child = (np.array([1, 2, 3, 5]), np.array([1, 2, 4, 6]))
    birth = (np.array([10, 10, 30, 50]), np.array([10, 10, 40, 50]))
    twins = Twins(child, birth)
    assert twins.count == 4
    links = np.array([(0 << 32) | 0, (1 << 32) | 0, (2 << 32) | 2, (3 << 32) | 3])
    assert twins.false(links) == 2


def test_the_children_of_the_rows_are_those_of_the_true_links() -> None:
    made = generated(150, "high")
    assert made.twins is not None
    left, right = made.sides.truth >> 32, made.sides.truth & 0xFFFFFFFF
    assert len(left) > 30
    assert np.array_equal(made.twins.child[0][left], made.twins.child[1][right])
    assert made.twins.false(made.sides.truth) == 0


def test_every_program_is_measured_and_its_figures_agree() -> None:
    found = measured()
    assert set(found["data"]) == set(GENERATOR)
    for one in found["data"].values():
        assert one["rows"] == [150, 450]
        assert set(one["programs"]) >= EVERY
        for figures in one["programs"].values():
            precision, recall = figures["precision"], figures["recall"]
            assert figures["right"] + figures["missed"] == one["true_links"]
            assert figures["f1"] == pytest.approx(2 * precision * recall / (precision + recall))
            for what in ("f1", "precision", "recall"):
                low, high = figures[f"{what}_interval"]
                assert low <= figures[what] <= high
            assert 0.5 < figures["f1"] <= figures["best_f1"] <= 1
            assert 0 <= figures["false_links_among_twins"] <= figures["false"]


def test_only_ours_says_what_it_expects_of_itself() -> None:
    programs = measured()["data"]["generator, low"]["programs"]
    for name, figures in programs.items():
        expects = figures["estimated_precision"] is not None
        assert expects == name.startswith("ours")


def test_without_splink_the_others_are_measured_and_a_note_says_how_to_have_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plaintext, "find_spec", lambda name: None)
    assert set(quality.programs()) == EVERY
    found = quality.measure(60, None, ["generator, low"])
    assert "make bench" in tables(found)[0]


def test_the_command_prints_what_it_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only = [word for name in GENERATOR for word in ("--only", name)]
    monkeypatch.setattr(sys, "argv", ["quality", "--rows", "150", "--json", *only])
    assert quality.main() == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(json.dumps(measured()))
    text = "\n".join(tables(printed))
    for words in ("| ours | ", "generator, high, kinds of children", "| girls | ", "| another surname | "):
        assert words in text
    assert len(quality.summary(printed)) == 2


def test_febrl_is_read_by_its_entities(tmp_path: Path) -> None:
    header = "rec_id, ent_id, given_name, surname, date_of_birth, postcode\n"
    (tmp_path / "a.csv").write_text(header + "r1,7,ann,lee,19800102,2000\nr2,8,bob,ray,19810304,3000\n", "utf-8")
    (tmp_path / "b.csv").write_text(header + "r3,9,cat,fox,19820506,4000\nr4,7,anne,lee,19800102,2000\n", "utf-8")
    sides = febrl(tmp_path).sides
    assert sides.rows == (2, 2)
    assert sides.truth.tolist() == [(0 << 32) | 1]


def test_groups_are_parts_of_the_whole() -> None:
    for one in measured()["data"].values():
        for figures in one["programs"].values():
            groups = figures["groups"]
            for parts in (("girls", "boys"), [label for label in SUBGROUPS if label.startswith("aged")]):
                for what in ("true_links", "links", "right"):
                    assert sum(groups[part][what] for part in parts) == groups["all children"][what]
            assert groups["all children"]["recall"] == figures["recall"]
            assert groups["all children"]["precision"] == figures["precision"]
            for label, group in groups.items():
                assert group["right"] <= min(group["true_links"], group["links"])
                whole = groups.get(label.removesuffix(WITHOUT_NUMBER))
                assert whole["true_links"] >= group["true_links"]


def test_hard_cases_are_counted_where_the_generator_recorded_them() -> None:
    made = generated(300, "high")
    assert made.made is not None
    expected = subgroups(made.made.population, made.made.a, made.made.b)
    perfect = Ranked(made.sides.truth, np.ones(len(made.sides.truth)), 0.5)
    groups = shares([count(perfect, made.sides.truth, made.twins, made.made)])["groups"]
    for label, name in (("another surname", "surname_changed"), ("another address", "moved"), ("girls", "girls")):
        assert groups[label]["true_links"] == groups[label]["right"] == expected[name].sum() > 0
    both = expected["moved"] & expected["missing_nhs_number"]
    assert groups["another address" + WITHOUT_NUMBER]["true_links"] == both.sum() > 0


def test_a_link_of_a_child_before_and_after_an_adoption_is_counted_and_no_true_one() -> None:
    made = generated(3000, "low")
    assert made.made is not None
    never = made.made.never
    assert len(never) > 2
    figures = shares([count(Ranked(never[1:], np.ones(len(never) - 1), 0.5), made.sides.truth, None, made.made)])
    assert (figures["adopted_pairs"], figures["adopted_pairs_linked"]) == (len(never), len(never) - 1)
    assert figures["right"] == 0


def test_several_seeds_are_added_up() -> None:
    truth = np.array([1, 2, 3, 4])
    one = count(ranked({1: 0.9, 2: 0.8, 9: 0.1}), truth, None)
    other = count(ranked({3: 0.9, 8: 0.7}, threshold=0.3), truth, None)
    figures = shares([one, other])
    assert (figures["right"], figures["false"], figures["missed"]) == (3, 1, 5)
    assert figures["threshold"] == pytest.approx(0.4)
    assert figures["best_f1"] == pytest.approx((one.best_f1 + other.best_f1) / 2)
    twice = quality.measure(100, None, ["generator, low"], seeds=2)["data"]["generator, low"]
    assert twice["seeds"] == 2
    assert twice["true_links"] == sum(len(generated(100, "low", seed).sides.truth) for seed in (3, 4))


def test_without_names_both_holders_have_what_national_extracts_have() -> None:
    (made,) = datasets("no names, low", 150, None, 3, None)
    for identifiers in made.sides.identifiers:
        assert not {"forename", "surname", "names"} & set(identifiers.columns)
        assert {"date_of_birth", "postcode", "nhs_number"} <= set(identifiers.columns)
    assert np.array_equal(made.sides.truth, generated(150, "low").sides.truth)
    assert 0.5 < judge(quality.programs()["ours"](made.sides), made.sides.truth, None)["recall"] <= 1


def test_three_holders_are_linked_together_and_two_by_two() -> None:
    several = list(datasets("three holders, high", 200, None, 3, None))
    assert [one.name.partition(": ")[2] for one in several] == [
        "council and icb",
        "council and social-care",
        "icb and social-care",
    ]
    assert [one.sides.rows for one in several] == [(200, 600), (200, 200), (600, 200)]
    links = []
    for one in several:
        assert one.twins is not None
        together = one.beside["ours, all three"]
        left, right = together.joined >> 32, together.joined & 0xFFFFFFFF
        links.append(dict(zip(left.tolist(), right.tolist(), strict=True)))
        assert judge(together, one.sides.truth, None)["f1"] > 0.9
        assert judge(quality.programs()["ours"](one.sides), one.sides.truth, None)["f1"] > 0.9
    through = [(a, links[2][b]) for a, b in links[0].items() if b in links[2]]
    assert through
    assert all(links[1][a] == c for a, c in through)


def test_without_a_folder_only_made_up_children_are_there_and_names_come_from_it(tmp_path: Path) -> None:
    assert set(USUAL) < set(NAMES)
    assert not list(datasets("febrl", 100, None, 3, None))
    assert quality.measure(60, None, ["febrl"])["data"] == {}
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "uk_surnames_ons.csv").write_text("surname,freq\nsmith,1\n", encoding="utf-8")
    with pytest.raises(InputError):
        quality.measure(60, tmp_path, ["generator, low"])
