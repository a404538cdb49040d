"""At the recipient: tokens become link keys of its own, and files become one table, cell by cell as they were."""

import csv
import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from encoder.attributes import plan_attributes, write_attributes
from encoder.join import Joined, RunKey, Share, Unmatched, join, link_keys, open_run_key
from encoder.results import Results
from encoder.sheet import read_sheet, sha256_of, write_sheet
from keys.envelope import seal_bytes
from keys.errors import EnvelopeError, TokenError
from tests.doors import drawn, identity, signed, small_terms
from tests.handed import PSEUDONYM, RUN_KEY, A, B, blind_files, file, joined, keys_of, tokens

AGREEMENT = signed(small_terms())


# The run's key.


def sealed_key(key: bytes = b"k" * 32, **changes: Any) -> bytes:
    options = {
        "kind": "run key",
        "agreement": AGREEMENT.id,
        "sender": identity("broker"),
        "receiver": identity("recipient").card.receiving,
        "random": drawn("run key"),
        "context": {"run": "run 7"},
        **changes,
    }
    return seal_bytes(key, **options)


def test_the_recipient_opens_the_runs_key() -> None:
    opened = open_run_key(sealed_key(), agreement=AGREEMENT, identity=identity("recipient"))
    assert opened == RUN_KEY
    assert b"kkkk".hex() not in repr(opened).encode().hex()


@pytest.mark.parametrize(
    "changes",
    [
        {"sender": identity("council")},
        {"receiver": identity("council").card.receiving},
        {"kind": "release"},
        {"agreement": "ab" * 32},
        {"context": {}},
        {"key": b"k" * 16},
        {"key": b""},
    ],
    ids=range(7),
)
def test_another_runs_key_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(EnvelopeError):
        open_run_key(sealed_key(**changes), agreement=AGREEMENT, identity=identity("recipient"))


def test_nobody_but_the_recipient_opens_it() -> None:
    with pytest.raises(EnvelopeError):
        open_run_key(sealed_key(), agreement=AGREEMENT, identity=identity("council"))


# Link keys.


def test_linked_rows_and_only_these_get_the_same_link_key() -> None:
    one = keys_of("one", "two", "three")
    two = link_keys(tokens("three", "one", "four", seed="other"), run_key=RUN_KEY, pseudonym_key=PSEUDONYM)
    assert (one[2], one[0]) == (two[0], two[1])
    assert len({*one, *two}) == 4
    assert {len(key) for key in one} == {32}


def test_link_keys_are_the_recipients_own() -> None:
    assert not set(keys_of("one", "two")) & set(keys_of("one", "two", pseudonym_key=b"another key"))
    assert b"one".ljust(16, b"\0").hex() not in keys_of("one")


@pytest.mark.parametrize("wrong", ["", "A", "AAAA", "not a token", "=" * 59, "é"])
def test_what_is_no_token_is_refused(wrong: str) -> None:
    with pytest.raises(TokenError, match="right form"):
        link_keys([*tokens("one"), wrong], run_key=RUN_KEY, pseudonym_key=PSEUDONYM)


def test_a_token_of_another_run_is_refused_and_its_row_named() -> None:
    foreign = tokens("two", run_key=RunKey("run 8", b"k" * 32))
    with pytest.raises(TokenError, match="another run") as caught:
        link_keys([*tokens("one"), *foreign], run_key=RUN_KEY, pseudonym_key=PSEUDONYM)
    assert caught.value.where == "token 2"


# Files.


def test_rows_that_are_linked_stand_side_by_side(tmp_path: Path) -> None:
    files = blind_files(tmp_path)
    rows, made = joined(files)
    by_key = {row.pop("link_key"): row for row in rows}
    two, three = keys_of("two", "three")
    assert by_key == {
        two: {"holders": "council icb", "council.need": "b", "council.n": "002", "icb.need": "z"},
        three: {"holders": "council icb", "council.need": "", "council.n": "3", "icb.need": "x"},
    }
    shares = {name: Share(path, sha256_of(path), 3, 2, several=0) for name, path in files.items()}
    assert made == Joined(tmp_path / "joined.csv", shares, linked=2, written=2, link_keys=2, several=0)
    assert made.shares["icb"].not_linked == 1
    assert (tmp_path / "joined.csv").stat().st_mode & 0o777 == 0o600


def test_no_token_and_no_link_id_is_in_the_result(tmp_path: Path) -> None:
    files = blind_files(tmp_path)
    joined(files, unmatched=Unmatched.KEEP)
    text = (tmp_path / "joined.csv").read_text(encoding="utf-8")
    written = tokens("one", "two", "three", seed="council") + tokens("three", "four", "two", seed="icb")
    assert not [token for token in written if token in text]
    assert b"three".ljust(16, b"\0").hex() not in text
    assert "token" not in text


def test_rows_that_are_not_linked_are_kept_on_demand(tmp_path: Path) -> None:
    rows, made = joined(blind_files(tmp_path), unmatched=Unmatched.KEEP)
    by_key = {row.pop("link_key"): row for row in rows}
    one, two, three, four = keys_of("one", "two", "three", "four")
    assert set(by_key) == {one, two, three, four}
    assert by_key[one] == {"holders": "council", "council.need": "a", "council.n": "001", "icb.need": ""}
    assert by_key[two]["holders"] == "council icb"
    assert by_key[four] == {"holders": "icb", "council.need": "", "council.n": "", "icb.need": "y"}
    assert (made.linked, made.written) == (2, 4)


def test_rows_come_in_the_order_of_their_link_keys(tmp_path: Path) -> None:
    rows, _ = joined(blind_files(tmp_path), unmatched=Unmatched.KEEP)
    assert [row["link_key"] for row in rows] == sorted(row["link_key"] for row in rows)


def test_of_three_files_a_row_is_linked_if_it_is_with_any(tmp_path: Path) -> None:
    files = blind_files(tmp_path)
    school = tokens("two", "one", "five", seed="school")
    files["school"] = file(tmp_path / "s.csv", ["token", "need"], [[one, "s"] for one in school])
    rows, made = joined(files)
    keys = dict(zip(keys_of("one", "two", "three"), ("one", "two", "three"), strict=True))
    assert {keys[row["link_key"]]: row["holders"] for row in rows} == {
        "one": "council school",
        "two": "council icb school",
        "three": "council icb",
    }
    assert {name: (share.rows, share.linked) for name, share in made.shares.items()} == {
        "council": (3, 3),
        "icb": (3, 2),
        "school": (3, 2),
    }
    assert (made.linked, made.written) == (3, 3)


def test_an_open_release_is_joined_by_its_link_keys(tmp_path: Path) -> None:
    files = {
        "a": file(tmp_path / "a.csv", ["link_key", "x"], [[A, "1"], [B, "2"]]),
        "b": file(tmp_path / "b.csv", ["y", "link_key"], [["3", B]]),
    }
    rows, _ = joined(files, run_key=None)
    assert rows == [{"link_key": B, "holders": "a b", "a.x": "2", "b.y": "3"}]


def test_no_linked_rows_give_a_table_without_rows(tmp_path: Path) -> None:
    files = {
        "a": file(tmp_path / "a.csv", ["link_key", "x"], [[A, "1"]]),
        "b": file(tmp_path / "b.csv", ["link_key", "y"], [[B, "1"]]),
    }
    rows, made = joined(files, run_key=None)
    assert rows == []
    assert (made.linked, made.written) == (0, 0)
    assert '"a.x"' in (tmp_path / "joined.csv").read_text(encoding="utf-8")


def test_one_file_is_only_given_link_keys(tmp_path: Path) -> None:
    files = {"council": blind_files(tmp_path)["council"]}
    rows, made = joined(files, unmatched=Unmatched.KEEP)
    assert {row["link_key"] for row in rows} == set(keys_of("one", "two", "three"))
    assert (made.shares["council"].linked, made.written) == (0, 3)


# Formats.


def typed(path: Path, links: Sequence[str], seed: str) -> Path:
    """A Parquet file as another program might write it, its tokens as large strings."""
    rows = len(links)
    table = pa.table(
        {
            "n": pa.array(range(rows), pa.int8()),
            "day": [datetime.date(2020, 1, 1 + row) for row in range(rows)],
            "kind": pa.array([f"kind of {link}" for link in links]).dictionary_encode(),
            "codes": [[link] for link in links],
            "token": pa.array(tokens(*links, seed=seed), pa.large_string()),
        }
    )
    pq.write_table(table, path)
    return path


def test_columns_of_parquet_keep_their_types(tmp_path: Path) -> None:
    files = {
        "a": typed(tmp_path / "a.parquet", ["one", "two", "three"], "a"),
        "b": typed(tmp_path / "b.parquet", ["two", "four"], "b"),
    }
    out = tmp_path / "joined.parquet"
    join(files, out, run_key=RUN_KEY, pseudonym_key=PSEUDONYM, unmatched=Unmatched.KEEP)
    table = read_sheet(out).table
    source = pq.read_table(files["a"]).schema
    assert table.schema.names == ["link_key", "holders", *(f"{n}.{c}" for n in "ab" for c in source.names[:-1])]
    for column in source.names[:-1]:
        assert table.schema.field(f"a.{column}").type == source.field(column).type
    one, two = ({row["link_key"]: row for row in table.to_pylist()}[key] for key in keys_of("one", "two"))
    assert (one["holders"], one["a.n"], one["a.codes"], one["b.n"], one["b.codes"]) == ("a", 0, ["one"], None, None)
    assert (two["a.day"], two["b.day"]) == (datetime.date(2020, 1, 2), datetime.date(2020, 1, 1))
    join(files, out, run_key=RUN_KEY, pseudonym_key=PSEUDONYM)
    assert b"kind of two" in out.read_bytes()
    assert not [word for word in (b"kind of one", b"kind of four") if word in out.read_bytes()]
    assert len(read_sheet(out).table) == 1


@pytest.mark.parametrize("unmatched", Unmatched)
def test_csv_and_parquet_in_and_out_give_the_same_rows(tmp_path: Path, unmatched: Unmatched) -> None:
    files = blind_files(tmp_path)
    as_parquet = {}
    for name, path in files.items():
        as_parquet[name] = tmp_path / f"{name}.parquet"
        write_sheet(read_sheet(path).table, as_parquet[name])
    misnamed = {"council": files["council"].rename(tmp_path / "council.pq"), "icb": as_parquet["icb"]}
    found = []
    for given_files in (misnamed, as_parquet):
        for name in ("joined.csv", "joined.parquet"):
            out = tmp_path / name
            join(given_files, out, run_key=RUN_KEY, pseudonym_key=PSEUDONYM, unmatched=unmatched)
            assert (out.read_bytes()[:4] == b"PAR1") == (out.suffix == ".parquet")
            rows = read_sheet(out).table.to_pylist()
            found.append([{column: cell or "" for column, cell in row.items()} for row in rows])
    assert found[0]
    assert all(rows == found[0] for rows in found)


def test_a_missing_row_differs_from_empty_cells(tmp_path: Path) -> None:
    joined(blind_files(tmp_path), unmatched=Unmatched.KEEP)
    one, three = keys_of("one", "three")
    lines = (tmp_path / "joined.csv").read_text(encoding="utf-8").splitlines()
    assert f'"{one}","council","a","001",' in lines
    assert f'"{three}","council icb","","3","x"' in lines


def test_nothing_is_guessed_about_cells(tmp_path: Path) -> None:
    cells = ["007", "1e5", "NA", "null", "true", "2012-01-02", "", " spaced ", "1,5", "0x1f", "-0"]
    names = [f"c{number}" for number in range(len(cells))]
    one = file(tmp_path / "a.csv", ["link_key", *names], [[A, *cells]])
    two = tmp_path / "b.csv"
    write_sheet(pa.table({"link_key": [A], "Need; primary; secondary;": ["00"]}), two)
    (row,), _ = joined({"a": one, "b": two}, run_key=None)
    assert [row[f"a.{name}"] for name in names] == cells
    assert (row["b.Need; primary; secondary;"], row["link_key"]) == ("00", A)


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CELL, min_size=2, max_size=2), st.sampled_from(Unmatched), st.sampled_from(["csv", "parquet"]))
@example(["a\rb", "\r\n"], Unmatched.DROP, "csv")
@example(['"', ",;"], Unmatched.KEEP, "csv")
def test_any_cell_of_a_holder_arrives_at_the_recipient(
    tmp_path: Path, cells: list[str], unmatched: Unmatched, suffix: str
) -> None:
    """From the holder's own file through the attribute file into the joined table."""
    files = {}
    for name, cell in zip(("council", "icb"), cells, strict=True):
        source = tmp_path / f"{name}-source.csv"
        with source.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([["id", "text"], ["1", cell]])
        results = Results("run 7", "token", ["1"], tokens("one", seed=name))
        files[name] = tmp_path / f"{name}.{suffix}"
        write_attributes(plan_attributes(source, row_id="id", identifiers=[]), files[name], results=results)
    (row,), _ = joined(files, unmatched=unmatched)
    assert [row["council.text"], row["icb.text"]] == cells
