"""When a gate is passed, when that is proven, and when a control breaks."""

from __future__ import annotations

from typing import Any

import pytest

from encoder.intervals import Estimate
from services.assurance.attacks.figures import Measured, exactly, share
from services.assurance.attacks.finding import Finding, Gate, Kind, Verdict

AT_MOST = Gate(Kind.AT_MOST, 0.01)
ABOVE = Gate(Kind.ABOVE_GUESSING, 0.01)
HALF = Gate(Kind.FROM_HALF, 0.02)


def found(measured: Estimate, gate: Gate | None, **more: Any) -> Finding:
    given: dict[str, Any] = {"guessing": 0.001, "control": share(900, 1000), **more}
    return Finding("A0", "name", "name", "all", "rows", measured, "rows", controlled="it", gate=gate, **given)


@pytest.mark.parametrize(
    ("part", "whole", "verdict"),
    [
        (1, 10_000, Verdict.HELD),
        (9, 1_000, Verdict.NOT_PROVEN),
        (10, 1_000, Verdict.NOT_PROVEN),
        (11, 1_000, Verdict.BROKEN),
        (30, 1_000, Verdict.BROKEN),
    ],
)
def test_the_figure_decides_and_the_interval_says_how_sure_that_is(part: int, whole: int, verdict: Verdict) -> None:
    one = found(share(part, whole), AT_MOST)
    assert (one.verdict, one.passed) == (verdict, verdict is not Verdict.BROKEN)


def test_a_gate_above_guessing_moves_with_guessing() -> None:
    measured = Estimate(0.205, 0.201, 0.209)
    assert found(measured, ABOVE, guessing=0.2).verdict is Verdict.HELD
    assert found(measured, ABOVE, guessing=0.198).verdict is Verdict.NOT_PROVEN
    assert found(measured, ABOVE, guessing=0.19).verdict is Verdict.BROKEN


@pytest.mark.parametrize("value", [0.47, 0.53])
def test_an_auc_is_held_to_one_half_from_both_sides(value: float) -> None:
    assert found(exactly(value), HALF).verdict is Verdict.BROKEN
    assert found(exactly(0.5 + (value - 0.5) / 2), HALF).verdict is Verdict.HELD
    assert found(Estimate(0.5 + (value - 0.5) / 2, 0.45, 0.55), HALF).verdict is Verdict.NOT_PROVEN


def test_a_control_breaks_only_with_its_whole_interval_and_above_guessing() -> None:
    held = exactly(0.0)
    assert found(held, AT_MOST).control_breaks
    assert not found(held, AT_MOST, control=share(9, 1000)).control_breaks
    assert not found(held, AT_MOST, control=share(12, 1000)).control_breaks
    assert not found(held, AT_MOST, control_guessing=0.95).control_breaks
    assert found(held, ABOVE, control=share(300, 1000), control_guessing=0.2).control_breaks
    assert not found(held, ABOVE, control=share(300, 1000), control_guessing=0.28).control_breaks
    assert found(held, HALF, control=Estimate(0.3, 0.2, 0.4), guessing=0.5).control_breaks
    assert not found(held, HALF, control=Estimate(0.53, 0.51, 0.55), guessing=0.5).control_breaks


def test_a_control_must_be_above_guessing_where_it_is_harder() -> None:
    harder = (Measured("20%", share(20, 100)), Measured("5%", share(0, 100)))
    assert found(exactly(0.0), AT_MOST, controls=harder[:1]).control_breaks
    assert not found(exactly(0.0), AT_MOST, controls=harder).control_breaks


def test_a_control_may_have_to_break_by_more_than_the_gate() -> None:
    assert found(exactly(0.0), AT_MOST, breaks=0.8).control_breaks
    assert not found(exactly(0.0), AT_MOST, breaks=0.9).control_breaks


def test_without_a_gate_a_finding_is_told_and_its_control_has_a_limit_of_its_own() -> None:
    one = found(share(1000, 1000), None, breaks=0.5)
    assert (one.verdict, one.passed, one.allowed) == (Verdict.TOLD, True, "none")
    assert one.control_breaks
    assert not found(share(1000, 1000), None, breaks=0.95).control_breaks


def test_a_gate_is_told_in_the_unit_of_its_figure() -> None:
    assert found(exactly(0.0), AT_MOST).allowed == "at most 1%"
    assert found(exactly(0.0), ABOVE).allowed == "at most guessing + 1 points"
    assert found(exactly(0.5), HALF, unit="number").allowed == "0.5, give or take 0.02"
    assert found(exactly(0.0), Gate(Kind.AT_MOST, 0.15), unit="number").allowed == "at most 0.15"
