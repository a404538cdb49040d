"""The demo's files: the same for the same seed, readable, and true."""

import csv
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from services.rehearsal.demo_files import DemoFiles, write_demo

Rows = list[dict[str, str]]
COUNCIL_ROWS, ICB_ROWS = 2_000, 6_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    return write_demo(tmp_path_factory.mktemp("demo"), seed=7, council_rows=COUNCIL_ROWS, icb_rows=ICB_ROWS)


def read(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(demo: DemoFiles) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(demo.truth.parent.iterdir())}


def test_the_files_are_the_five_that_were_named(demo: DemoFiles) -> None:
    named = {demo.council, demo.council_columns, demo.icb, demo.icb_columns, demo.truth}
    assert named == set(demo.truth.parent.iterdir())
    assert {path.name for path in named} == {
        "council.csv",
        "council.columns.toml",
        "icb.csv",
        "icb.columns.toml",
        "truth.csv",
    }


def test_same_seed_same_bytes_and_another_seed_other_bytes(demo: DemoFiles, tmp_path: Path) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    again.mkdir()
    other.mkdir()
    same = write_demo(again, seed=7, council_rows=COUNCIL_ROWS, icb_rows=ICB_ROWS)
    unlike = write_demo(other, seed=8, council_rows=COUNCIL_ROWS, icb_rows=ICB_ROWS)
    assert contents(same) == contents(demo)
    assert contents(unlike)["council.csv"] != contents(demo)["council.csv"]


def test_an_unknown_scenario_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        write_demo(tmp_path, seed=1, council_rows=10, icb_rows=10, scenario="medium")
    assert not list(tmp_path.iterdir())


def test_the_columns_files_name_headers_of_their_files(demo: DemoFiles) -> None:
    for path, columns_path, absent in (
        (demo.council, demo.council_columns, set()),
        (demo.icb, demo.icb_columns, {"upn"}),
    ):
        columns = tomllib.loads(columns_path.read_text(encoding="utf-8"))
        fields = {"id", "forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number", "upn"}
        assert set(columns) == fields - absent
        assert set(columns.values()) <= set(read(path)[0])


def test_row_ids_are_distinct_and_the_truth_names_rows_of_both_files(demo: DemoFiles) -> None:
    council = [row["childid"] for row in read(demo.council)]
    icb = [row["LocalPatientID"] for row in read(demo.icb)]
    truth = read(demo.truth)
    assert len(set(council)) == len(council) == demo.council_rows == COUNCIL_ROWS
    assert len(set(icb)) == len(icb) == demo.icb_rows == ICB_ROWS
    assert not set(council) & set(icb)
    assert {row["id_a"] for row in truth} <= set(council)
    assert {row["id_b"] for row in truth} <= set(icb)
    assert len({row["id_a"] for row in truth}) == len({row["id_b"] for row in truth}) == len(truth) == demo.links


def test_a_realistic_share_of_the_councils_children_is_in_the_boards_file(demo: DemoFiles) -> None:
    assert 0.38 < demo.links / demo.council_rows < 0.52


def test_where_both_files_have_an_nhs_number_the_truth_and_only_the_truth_has_it_twice(demo: DemoFiles) -> None:
    council = {row["childid"]: row["nhsnumber"].replace(" ", "") for row in read(demo.council) if row["nhsnumber"]}
    icb = {row["LocalPatientID"]: row["NHSNumber"] for row in read(demo.icb) if row["NHSNumber"]}
    assert len(set(council.values())) == len(council)
    assert len(set(icb.values())) == len(icb)
    row_of = {number: row for row, number in icb.items()}
    shared = {(row, row_of[number]) for row, number in council.items() if number in row_of}
    true = {(row["id_a"], row["id_b"]) for row in read(demo.truth)}
    assert shared
    assert shared == {(a, b) for a, b in true if a in council and b in icb}


@pytest.mark.parametrize(
    ("which", "column", "form"),
    [
        ("council", "personbirthdate", r"\d{4}-\d\d-\d\d"),
        ("council", "sex", "[FMU]"),
        ("council", "nhsnumber", r"9\d\d \d{3} \d{4}"),
        ("council", "upn", r"[A-HJ-NP-RT-Z]99\d{9}[\dA-Z]|UN[17]"),
        ("council", "ehcplan", "[YN]"),
        ("icb", "DateOfBirth", r"\d\d/\d\d/\d{4}"),
        ("icb", "Gender", "[129]"),
        ("icb", "NHSNumber", r"9\d{9}"),
        ("icb", "referral_date", r"\d{4}-\d\d-\d\d"),
        ("icb", "contacts", r"\d+"),
    ],
)
def test_values_have_the_form_of_the_extract(demo: DemoFiles, which: str, column: str, form: str) -> None:
    rows = read(demo.council if which == "council" else demo.icb)
    values = [row[column] for row in rows if row[column]]
    fits: Callable[[str], object] = re.compile(form).fullmatch
    assert len(values) > 0.3 * len(rows)
    assert all(fits(value) for value in values)
