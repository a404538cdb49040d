"""What the broker says of how good links are: I9 for every number, for whom it is, and what two runs tell together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.suppression import suppress
from keys.template import default_terms
from keys.terms import Terms
from matcher.expectation import Expectation
from services.broker.outcome.quality import EDGES, Held, assess, edges_of, estimable, shown_to
from tests.seen import refused
from tests.services.broker.outcome.test_counts import numbers
from tests.stage import IDENTIFIERS, MakeScene, Scene, children

pytestmark = pytest.mark.apart_from_database

BANDS = len(EDGES) + 1
QUALITY = {"links", "possible_links", "false", "missed", "missed_told", "bands", "own"}
"""All that is said."""


def terms(release: str = "blind", holders: int = 2, **changes: Any) -> Terms:
    names = ("north", "south", "west")[:holders]
    return default_terms(dict.fromkeys(names, IDENTIFIERS), release=release, **changes)


RULE = terms().suppression


def said(
    counts: Sequence[int],
    false: float,
    missed: float,
    held: Sequence[Held],
    *,
    release: str = "blind",
    possible: int = 0,
) -> dict[str, Any] | None:
    links = suppress(sum(counts), RULE)
    shown = {"overlaps": [{"links": links}] if links else []} if release == "count" else {"links": links}
    outcome = {**shown, "possible_links": suppress(possible, RULE)}
    expected = Expectation(tuple(counts), false, missed)
    return assess(terms(release), outcome, expected=expected, holdings=held)


few_or_many = st.integers(0, 12) | st.integers(0, 300)


@st.composite
def helds(draw: st.DrawFn, links: int) -> Held:
    """Of a holder with so many links."""
    lacking_linked = draw(st.integers(0, links))
    lacking = lacking_linked + draw(few_or_many)
    return Held(lacking + links - lacking_linked + draw(few_or_many), lacking, lacking_linked)


@st.composite
def judged(draw: st.DrawFn) -> tuple[list[int], float, float, list[Held]]:
    counts = [draw(few_or_many) for _ in range(BANDS)]
    false = draw(st.floats(0, sum(counts)))
    return counts, false, draw(st.floats(0, 400)), [draw(helds(sum(counts))) for _ in range(2)]


@settings(max_examples=300)
@given(judged(), st.sampled_from(["blind", "open", "count"]), st.integers(0, 60))
def test_i9_every_number_obeys_the_rule(made: Any, release: str, possible: int) -> None:
    found = said(*made, release=release, possible=possible)
    if found is not None:
        assert set(found) == QUALITY
        assert all(suppress(number, RULE) == number for _, number in numbers(found))
        assert set(found["own"]) == {"north", "south"}


@settings(max_examples=300)
@given(judged())
def test_i9_no_holder_learns_that_nearly_all_rows_of_a_kind_are_linked(made: Any) -> None:
    counts, _, missed, holdings = made
    found = said(*made)
    if found is None:
        return
    for held, own in zip(holdings, found["own"].values(), strict=True):
        if own["lacking_linked"] is not None:
            assert held.lacking - held.lacking_linked >= RULE.below
            whole = held.rows - held.lacking
            assert whole - (sum(counts) - held.lacking_linked) >= RULE.below
        if found["missed_told"]:
            assert round(missed) * 2 <= held.rows - sum(counts) + RULE.round_to


@settings(max_examples=300)
@given(judged(), st.data())
def test_i9_what_rounds_alike_is_shown_alike(made: Any, data: st.DataObject) -> None:
    """Showing or not showing a number tells nothing that the rounded ones do not."""
    counts, false, missed, holdings = made
    first = said(counts, false, missed, holdings)
    other_missed = data.draw(st.floats(0, 400).filter(lambda one: same(one, missed)) | st.just(missed))
    other_false = data.draw(st.floats(0, 7) if suppress(round(false), RULE) is None and false < 7 else st.just(false))
    assert said(counts, other_false, other_missed, holdings) == first


def same(one: float, other: float) -> bool:
    return suppress(int(one + 0.5), RULE) == suppress(int(other + 0.5), RULE)


def test_what_is_said_where_there_is_enough_of_everything() -> None:
    held = [Held(1000, 100, 43), Held(900, 0, 0)]
    found = said([12, 3, 0, 40, 9, 336], 21.6, 33.2, held, possible=12)
    assert found is not None
    assert {name: found[name] for name in QUALITY - {"bands", "own"}} == {
        "links": 400,
        "possible_links": 10,
        "false": 20,
        "missed": 35,
        "missed_told": True,
    }
    assert [(one["from"], one["to"], one["links"], one["rest"]) for one in found["bands"]] == [
        (0.5, 0.75, 10, False),
        (0.75, 0.9, None, False),
        (0.9, 0.99, None, False),
        (0.99, 0.999, 40, False),
        (0.999, 0.9999, 10, False),
        (0.9999, 1.0, None, True),
    ]
    assert found["own"]["north"] == {"rows": 1000, "lacking": 100, "lacking_linked": 45}
    assert found["own"]["south"] == {"rows": 900, "lacking": None, "lacking_linked": None}


def test_what_may_not_be_told_is_not() -> None:
    held = [Held(1000, 100, 43), Held(900, 0, 0)]
    assert said([0, 0, 0, 0, 0, 7], 0, 0, held) is None
    few = said([3, 3, 3, 3, 3, 16], 0, 0, held)
    assert few is not None
    assert few["bands"] == []  # five bands of up to seven could be all but none of 30
    many = said([0, 0, 0, 0, 0, 400], 0, 260, held)
    assert many is not None
    assert (many["missed"], many["missed_told"]) == (None, False)  # more than half of the 500 that south has left
    counted = said([0, 0, 0, 0, 0, 400], 0, 0, held, release="count")
    assert counted is not None
    assert counted["own"]["north"]["lacking_linked"] is None


def test_only_links_of_two_holders_with_one_row_each_are_judged() -> None:
    several = {**terms().decision.model_dump(), "rows_of_one_holder": "any number"}
    assert [estimable(one) for one in (terms(), terms(holders=3), terms(decision=several))] == [True, False, False]


def test_bands_begin_at_the_threshold_that_is_agreed() -> None:
    high = {**terms().decision.model_dump(), "match": 0.93}
    assert edges_of(terms()) == [0.5, *EDGES]
    assert edges_of(terms(decision=high)) == [0.93, 0.99, 0.999, 0.9999]


def test_rows_that_lack_a_match_key() -> None:
    present = np.array([[True, True], [True, False], [False, False], [False, True]])
    assert Held.of(present, np.array([0, 3])) == Held(rows=3, lacking=2, lacking_linked=1)


def test_own_rows_are_shown_to_their_holder_alone() -> None:
    found = said([0, 0, 0, 0, 0, 400], 0, 0, [Held(1000, 100, 43), Held(900, 0, 0)])
    assert found is not None
    north, nobody = shown_to({"quality": found}, "north"), shown_to({"quality": found}, None)
    assert north == {**found, "own": found["own"]["north"]}
    assert nobody == {**found, "own": None}
    assert shown_to({"quality": None}, "north") is None
    assert shown_to({"links": 5}, "north") is None  # decided before there was anything on quality


BOTH, NORTH, SOUTH = children(60, seed=1), children(40, seed=2), children(50, seed=3)


@pytest.fixture
def matched(make_scene: MakeScene) -> tuple[Scene, str]:
    scene = make_scene()
    scene.upload("north", [{**row, "nhs_number": ""} for row in BOTH[:20]] + BOTH[20:] + NORTH)
    scene.upload("south", BOTH + SOUTH)
    run = scene.start_run()
    scene.status(run, "matched")
    return scene, run


def test_ig_leads_see_it_once_the_links_are_decided_and_others_once_they_are_released(
    matched: tuple[Scene, str],
) -> None:
    scene, run = matched
    path, cast = f"/v1/runs/{run}/quality", scene.cast
    leads, others = list(cast.ig_leads.values()), [*cast.holders.values(), cast.recipient, cast.broker]
    for party in others:
        refused(scene.ask(party, "GET", path), 404, "not-found")
    for party in leads:
        assert set(scene.ask(party, "GET", path).json()) == {"run", "agreement", "quality"}
    scene.release(run)
    seen = {name: scene.ask(one, "GET", path).json()["quality"] for name, one in cast.holders.items()}
    assert seen["north"]["links"] == seen["south"]["links"] == 60
    assert seen["north"]["own"] == {"rows": 100, "lacking": 20, "lacking_linked": None}  # all of these 20 are linked
    assert seen["south"]["own"] == {"rows": 110, "lacking": None, "lacking_linked": None}
    assert scene.ask(leads[0], "GET", path).json()["quality"] == seen["north"]
    for party in (cast.recipient, cast.broker):
        assert scene.ask(party, "GET", path).json()["quality"] == {**seen["north"], "own": None}


def test_strangers_and_parties_of_other_agreements_learn_nothing(
    matched: tuple[Scene, str], make_scene: MakeScene
) -> None:
    scene, run = matched
    scene.release(run)
    other = make_scene()
    path = f"/v1/runs/{run}/quality"
    for party in (other.cast.holders["north"], other.cast.recipient):
        refused(scene.ask(party, "GET", path), 404, "not-found")
    refused(scene.ask(scene.cast.recipient, "GET", f"/v1/runs/{'0' * 32}/quality"), 404, "not-found")


def test_it_is_not_in_the_status(matched: tuple[Scene, str]) -> None:
    scene, run = matched
    assert "quality" not in scene.status(run)["outcome"]
