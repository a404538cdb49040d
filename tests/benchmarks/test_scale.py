"""The calculation of how large a linkage may be: its arithmetic, and that the page holds what it gives."""

import json
import math
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import scale
from benchmarks.printing import short
from benchmarks.scale import WORKER_CORES, Case, Prices, calculate, cases, hours, reach
from benchmarks.simulation import Joined, Simulation, ends, simulate

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "scale.md"

counts = st.integers(1, 10**7)
rates = st.floats(1e6, 1e11)


def two(rows: int, others: int, runs: int = 1) -> Case:
    return Case("two", holders=[(1, rows), (1, others)], comparisons=[(1, rows, others)], runs=runs)


@given(counts, counts, st.integers(1, 100), rates)
def test_pairs_and_hours_grow_as_the_product_of_rows_and_bytes_as_the_sum(
    rows: int, others: int, times: int, rate: float
) -> None:
    one, larger = (calculate(two(rows * k, others), rate=rate) for k in (1, times))
    assert one.pairs == rows * others
    assert larger.pairs == times * one.pairs
    assert larger.core_hours == pytest.approx(times * one.core_hours)
    added = (times - 1) * rows * scale.ENCODING_BYTES / 1e9
    assert larger.memory_one_key_gb - one.memory_one_key_gb == pytest.approx(added, abs=1e-9)


@given(counts, counts, st.integers(1, 64), rates)
def test_more_workers_share_the_hours_and_cost_the_same(rows: int, others: int, workers: int, rate: float) -> None:
    case = two(rows, others)
    one, shared = calculate(case, rate=rate), calculate(case, rate=rate, workers=workers)
    assert shared.hours * workers == pytest.approx(one.hours)
    assert one.hours * WORKER_CORES == pytest.approx(one.core_hours)
    assert replace(shared, hours=one.hours) == one


@given(counts, counts, rates)
def test_a_machine_twice_as_fast_takes_half(rows: int, others: int, rate: float) -> None:
    case = two(rows, others)
    assert calculate(case, rate=2 * rate).core_hours * 2 == pytest.approx(calculate(case, rate=rate).core_hours)


@given(counts, counts, st.integers(1, 200))
def test_runs_add_up_but_share_the_memory(rows: int, others: int, runs: int) -> None:
    one, many = (calculate(two(rows, others, runs=k), rate=1e9) for k in (1, runs))
    for name in ("pairs", "comparisons", "core_hours", "read_gb", "upload_gb", "network_gb", "pounds"):
        assert getattr(many, name) == pytest.approx(runs * getattr(one, name)), name
    for name in ("memory_one_key_gb", "memory_streamed_gb", "weighing_gb", "spilt_gb"):
        assert getattr(many, name) == getattr(one, name), name


@given(counts, counts)
def test_streaming_takes_no_more_memory_than_a_match_key_and_reads_the_larger_holder_once_a_block(
    rows: int, others: int
) -> None:
    found = calculate(two(rows, others), rate=1e9)
    assert found.memory_streamed_gb <= found.memory_one_key_gb
    blocks = math.ceil(min(rows, others) / scale.STREAMED_ROWS)
    assert found.read_gb == pytest.approx(blocks * scale.KEYS * max(rows, others) * scale.ENCODING_BYTES / 1e9)


@given(st.floats(0, 10), st.floats(0, 10))
def test_money_is_what_the_prices_say(core_hour: float, gb_month: float) -> None:
    found = calculate(two(10**6, 10**7), rate=1e9, prices=Prices(core_hour, gb_month))
    months = 72 / 730
    assert found.pounds == pytest.approx(found.core_hours * core_hour + found.upload_gb * months * gb_month)


@given(st.floats(1e-3, 1e5), rates)
def test_as_many_rows_as_fit_the_hours_and_not_one_more(core_hours: float, rate: float) -> None:
    rows = reach(core_hours, rate=rate)
    assert hours(rows**2 * scale.KEYS, rate) <= core_hours * (1 + 1e-9)
    assert hours((rows + 1) ** 2 * scale.KEYS, rate) > core_hours * (1 - 1e-9)


def test_one_agreement_of_all_holders_compares_every_two_of_them() -> None:
    everybody = cases(17_000_000)[-1]
    rows = [rows for count, rows in everybody.holders for _ in range(count)]
    assert len(rows) == 195
    pairs = (sum(rows) ** 2 - sum(one**2 for one in rows)) // 2
    assert calculate(everybody, rate=1e9).pairs == pairs


def test_the_default_agreement_is_what_is_counted() -> None:
    assert (scale.KEYS, scale.LENGTH, scale.CHANCE_PAIRS_PER_ROW) == (1, 512, 1.0)
    assert scale.RECORD_BYTES == 16 + (1 + 64) + 6 * (1 + 16)


@given(counts, counts)
def test_namesakes_are_weighed_and_grow_as_the_product_of_rows(rows: int, others: int) -> None:
    found = calculate(two(rows, others), rate=1e9)
    pairs = min(rows, others) * (1 + scale.KEYS) + rows * others * scale.NAMESAKES
    assert found.weighing_gb == pytest.approx(pairs * 240 / 1e9)
    assert found.spilt_gb == pytest.approx(min(rows, others) * 2 * scale.KEYS * 12 / 1e9)


def test_as_many_are_namesakes_as_of_made_up_children() -> None:
    simulation = simulate(2_000, scenario="low")
    pairs = simulation.unrelated(500_000)
    forename, surname, year = (_same(simulation, field, pairs) for field in ("forename", "surname", "year"))
    assert (forename + surname) * year / 365.25 == pytest.approx(scale.NAMESAKES, rel=0.2)


def _same(simulation: Simulation, field: str, pairs: Joined) -> float:
    """The share of these pairs that has the same value."""
    columns = [one.columns[field] for one in simulation.identifiers]
    left, right = (np.array(one.values)[one.codes][rows] for one, rows in zip(columns, ends(pairs), strict=True))
    return float(((left == right) & (left != "")).mean())


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    monkeypatch.setattr("sys.argv", ["scale", *words])
    assert scale.main() == 0
    return capsys.readouterr().out


def test_the_page_holds_what_the_command_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, capsys, "--rate", "1e9") in PAGE.read_text(encoding="utf-8")


def test_the_page_compares_blocking_with_the_hours_that_are_calculated() -> None:
    lines = re.findall(
        r"^\| ([\d,]+) x ([\d,]+) \| [\d.]+ %: .* \| ([\d.,]+) \| [-\d.]+ \|$", PAGE.read_text(encoding="utf-8"), re.M
    )
    assert len(lines) == 12
    for rows, others, shown in lines:
        a, b = int(rows.replace(",", "")), int(others.replace(",", ""))
        assert shown == short(calculate(two(a, b), rate=1e9).core_hours)


def test_the_rate_is_measured_where_none_is_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scale, "measure_rate", partial(scale.measure_rate, rows=512, runs=1))
    found: dict[str, Any] = json.loads(run(monkeypatch, capsys, "--json", "--core-hour", "0.2"))
    assert found["rate"] > 0
    assert found["prices"]["core_hour"] == 0.2
    first = found["cases"][0]
    assert first["core_hours"] == pytest.approx(first["comparisons"] / found["rate"] / 3600)
