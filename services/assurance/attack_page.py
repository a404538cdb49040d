"""The report on the attack suite: one HTML page that needs no network, and the same figures as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from jinja2 import Environment

from encoder.charts import Bars, bars
from encoder.intervals import Estimate
from encoder.page import page_templates
from keys.terms import FuzzyKey, Terms
from services.assurance.attacks.finding import Finding, Verdict
from services.assurance.attacks.suite import Result

FORMAT = "counterfoil-attack-1"
LEGEND = {"usable": "within the gate", "invalid": "beyond the gate"}
_FINE = 1_000
_DRAWN = 1.5
"""A bar is full at one and a half times the gate."""


@dataclass(frozen=True)
class About:
    """What made a report. ``made``: a date as in ISO 8601."""

    made: str
    tool: str


def attack_json(result: Result, terms: Terms, about: About) -> str:
    """The figures as JSON in plain ASCII, with a line end. Shares and correlations have six digits at most."""
    found = {
        "format": FORMAT,
        **asdict(about),
        "title": terms.title,
        "passed": not result.broken and not result.weak,
        "plan": asdict(result.plan),
        "encoding": terms.encoding.model_dump(mode="json"),
        "match_keys": [key.model_dump(mode="json") for key in terms.match_keys],
        "findings": [_finding(one) for one in result.found],
        "not_run": [asdict(one) for one in result.skipped],
    }
    return json.dumps(found, ensure_ascii=True, indent=1) + "\n"


def attack_page(result: Result, terms: Terms, about: About) -> str:
    """The page, which declares that it is in UTF-8."""
    return (
        _templates()
        .get_template("attack.html")
        .render(
            about=about,
            terms=terms,
            result=result,
            gated=[one for one in result.found if one.gate is not None],
            drawn=_chart(result),
            fuzzy=[key for key in terms.match_keys if isinstance(key, FuzzyKey)],
            Verdict=Verdict,
        )
    )


def figure(value: float, unit: str) -> str:
    """A share in percent with two decimals, or a number with three. A share is 0 only where it is nothing."""
    if unit == "share" and 0 < value < 0.00005:
        return "under 0.01%"
    return f"{100 * value:.2f}%" if unit == "share" else f"{value:.3f}"


def interval(estimate: Estimate, unit: str) -> str:
    """From where to where, or nothing for a figure that no chance is in."""
    if estimate.low == estimate.high:
        return "exact"
    return f"{figure(estimate.low, unit)} to {figure(estimate.high, unit)}"


def summary(one: Finding) -> str:
    """A finding in one line of text."""
    control = "breaks" if one.control_breaks else "DOES NOT BREAK"
    return (
        f"{one.attack:<4} {one.name}: {figure(one.measured.value, one.unit)} "
        f"({interval(one.measured, one.unit)}), guessing {figure(one.guessing, one.unit)}, gate {one.allowed}: "
        f"{one.verdict.value}; control {figure(one.control.value, one.unit)} {control}"
    )


@cache
def _templates() -> Environment:
    environment = page_templates("services.assurance", "encoder")
    environment.filters |= {"figure": figure, "interval": interval}
    return environment


def _finding(one: Finding) -> dict[str, Any]:
    found = _short(asdict(one))
    found["gate"] = None if one.gate is None else {"kind": one.gate.kind.value, "limit": one.gate.limit}
    return {**found, "verdict": one.verdict.value, "passed": one.passed, "control_breaks": one.control_breaks}


def _short(found: Any) -> Any:
    if isinstance(found, float):
        return float(f"{found:.6g}")
    if isinstance(found, dict):
        return {key: _short(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [_short(value) for value in found]
    return found


def _chart(result: Result) -> Bars | None:
    """Each figure as a part of what its gate allows; gates that allow nothing are left to the table."""
    drawn = [(one, _part_of_gate(one)) for one in result.found if one.gate is not None and one.gate.limit > 0]
    if not drawn:
        return None
    return bars(
        "chart-gates",
        "How much of its gate each attack used up",
        "; ".join(f"{one.attack} {100 * part:.0f}%" for one, part in drawn) + ".",
        [
            (
                f"{one.attack} {one.short}",
                [("usable" if one.passed else "invalid", round(_FINE * min(part, _DRAWN)))],
                f"{100 * part:.0f}%",
            )
            for one, part in drawn
        ],
        whole=round(_FINE * _DRAWN),
        legend=LEGEND,
    )


def _part_of_gate(one: Finding) -> float:
    if one.gate is None:
        return 0.0
    return max(0.0, one.gate.used(one.measured.value, one.guessing)) / one.gate.limit
