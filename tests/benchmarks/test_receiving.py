"""What the benchmark of receiving measures is there, and every upload is accepted."""

from pathlib import Path

from benchmarks.receiving import measure

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks.md"


def test_a_few_uploads_at_once_are_all_accepted_and_measured(tmp_path: Path) -> None:
    found = measure(3, 400, tmp_path)
    assert (found["uploads"], found["rows"]) == (3, 400)
    assert found["peak_mib"] >= found["idle_peak_mib"] > 0
    assert found["rows_per_s"] > 0
    assert "python -m benchmarks.receiving" in PAGE.read_text(encoding="utf-8")
