"""The benchmark of a broker under load asks a real one while it compares, and tells busy from idle."""

from benchmarks.load import load, summary


def test_a_busy_broker_and_an_idle_one_are_asked() -> None:
    figures = load(300, 600, rate=50, seconds=0.5, burst_seconds=0.2)
    assert figures["rows"] == [300, 600]
    for state in ("busy", "idle"):
        asked = figures[state]
        assert asked["calls"] > 0
        assert 0 < asked["p50_ms"] <= asked["p99_ms"] <= asked["worst_ms"] + 0.1
        assert asked["per_s"] > 0
    assert f"{figures['p99_ratio']}x" in summary(figures)[0]
