"""At the recipient: tokens become link keys of its own, and files become one table, cell by cell as they were."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from encoder.errors import InputError
from encoder.join import Joined, RunKey, join, link_keys, open_run_key
from encoder.results import Results, write_attributes
from keys.envelope import seal_bytes
from keys.errors import EnvelopeError, TokenError
from keys.receiving import encode
from keys.tokens import seal_link_ids
from tests.doors import drawn, identity, signed, small_terms

AGREEMENT = signed(small_terms())
RUN_KEY = RunKey("run 7", b"k" * 32)
PSEUDONYM = b"the recipient's own key"


def tokens(*links: str, seed: str = "tokens", run_key: RunKey = RUN_KEY) -> list[str]:
    """A token for each link id, which is named by a word."""
    ids = np.array([list(link.encode().ljust(16, b"\0")) for link in links], dtype=np.uint8).reshape(-1, 16)
    sealed = seal_link_ids(ids, run_key=run_key.key, run=run_key.run, random=drawn(seed))
    return [encode(token.tobytes()) for token in sealed]


def keys_of(*links: str, pseudonym_key: bytes = PSEUDONYM) -> list[str]:
    return link_keys(tokens(*links), run_key=RUN_KEY, pseudonym_key=pseudonym_key)


def file(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def blind_files(folder: Path) -> dict[str, Path]:
    """Council: links one, two, three. Care board: two, three, four, sealed apart from these."""
    first = tokens("one", "two", "three", seed="council")
    second = tokens("three", "four", "two", seed="icb")
    return {
        "council": file(
            folder / "c.csv",
            ["token", "need", "n"],
            [[first[0], "a", "001"], [first[1], "b", "002"], [first[2], "", "3"]],
        ),
        "icb": file(folder / "i.csv", ["token", "need"], [[second[0], "x"], [second[1], "y"], [second[2], "z"]]),
    }


def joined(files: dict[str, Path], **changes: Any) -> tuple[list[dict[str, str]], Joined]:
    out = next(iter(files.values())).with_name("joined.csv")
    options: dict[str, Any] = {"run_key": RUN_KEY, "pseudonym_key": PSEUDONYM, **changes}
    made = join(files, out, **options)
    with out.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream)), made


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
    rows, made = joined(blind_files(tmp_path))
    by_key = {row.pop("link_key"): row for row in rows}
    two, three = keys_of("two", "three")
    assert by_key == {
        two: {"council.need": "b", "council.n": "002", "icb.need": "z"},
        three: {"council.need": "", "council.n": "3", "icb.need": "x"},
    }
    assert made == Joined(tmp_path / "joined.csv", {"council": 3, "icb": 3}, 2)
    assert (tmp_path / "joined.csv").stat().st_mode & 0o777 == 0o600


def test_no_token_and_no_link_id_is_in_the_result(tmp_path: Path) -> None:
    files = blind_files(tmp_path)
    joined(files, keep_unmatched=True)
    text = (tmp_path / "joined.csv").read_text(encoding="utf-8")
    written = tokens("one", "two", "three", seed="council") + tokens("three", "four", "two", seed="icb")
    assert not [token for token in written if token in text]
    assert b"three".ljust(16, b"\0").hex() not in text
    assert "token" not in text


def test_rows_that_are_not_linked_are_kept_on_demand(tmp_path: Path) -> None:
    rows, made = joined(blind_files(tmp_path), keep_unmatched=True)
    by_key = {row.pop("link_key"): row for row in rows}
    one, two, three, four = keys_of("one", "two", "three", "four")
    assert set(by_key) == {one, two, three, four}
    assert by_key[one] == {"council.need": "a", "council.n": "001", "icb.need": ""}
    assert by_key[four] == {"council.need": "", "council.n": "", "icb.need": "y"}
    assert made.linked == 4


def test_rows_come_in_the_order_of_their_link_keys(tmp_path: Path) -> None:
    rows, _ = joined(blind_files(tmp_path), keep_unmatched=True)
    assert [row["link_key"] for row in rows] == sorted(row["link_key"] for row in rows)


def test_three_files_join_where_all_three_are_linked(tmp_path: Path) -> None:
    files = blind_files(tmp_path)
    files["school"] = file(tmp_path / "s.csv", ["token", "need"], [[tokens("two", seed="school")[0], "s"]])
    rows, made = joined(files)
    assert [(row["council.need"], row["icb.need"], row["school.need"]) for row in rows] == [("b", "z", "s")]
    assert made.rows == {"council": 3, "icb": 3, "school": 1}


def test_an_open_release_is_joined_by_its_link_keys(tmp_path: Path) -> None:
    files = {
        "a": file(tmp_path / "a.csv", ["link_key", "x"], [["01", "1"], ["02", "2"]]),
        "b": file(tmp_path / "b.csv", ["y", "link_key"], [["3", "02"]]),
    }
    rows, _ = joined(files, run_key=None)
    assert rows == [{"a.x": "2", "b.y": "3", "link_key": "02"}]


def test_no_linked_rows_give_a_table_without_rows(tmp_path: Path) -> None:
    files = {
        "a": file(tmp_path / "a.csv", ["link_key", "x"], [["01", "1"]]),
        "b": file(tmp_path / "b.csv", ["link_key", "y"], []),
    }
    rows, made = joined(files, run_key=None)
    assert rows == []
    assert made.linked == 0
    assert '"a.x"' in (tmp_path / "joined.csv").read_text(encoding="utf-8")


def test_one_file_is_only_given_link_keys(tmp_path: Path) -> None:
    rows, _ = joined({"council": blind_files(tmp_path)["council"]})
    assert {row["link_key"] for row in rows} == set(keys_of("one", "two", "three"))


def test_nothing_is_guessed_about_cells(tmp_path: Path) -> None:
    cells = ["007", "1e5", "NA", "null", "true", "2012-01-02", "", " spaced ", "1,5", "0x1f", "-0"]
    names = [f"c{number}" for number in range(len(cells))]
    one = file(tmp_path / "a.csv", ["link_key", *names], [["0012", *cells]])
    two = file(tmp_path / "b.csv", ["link_key", "Need; primary; secondary;"], [["0012", "00"]])
    (row,), _ = joined({"a": one, "b": two}, run_key=None)
    assert [row[f"a.{name}"] for name in names] == cells
    assert (row["b.Need; primary; secondary;"], row["link_key"]) == ("00", "0012")


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CELL, min_size=2, max_size=2), st.booleans())
@example(["a\rb", "\r\n"], False)
@example(['"', ",;"], True)
def test_any_cell_of_a_holder_arrives_at_the_recipient(tmp_path: Path, cells: list[str], keep_unmatched: bool) -> None:
    """From the holder's own file through the attribute file into the joined table."""
    files = {}
    for name, cell in zip(("council", "icb"), cells, strict=True):
        source = tmp_path / f"{name}-source.csv"
        with source.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([["id", "text"], ["1", cell]])
        results = Results("run 7", "token", ["1"], tokens("one", seed=name))
        files[name] = tmp_path / f"{name}.csv"
        write_attributes(source, files[name], results=results, row_id="id", identifiers=[])
    (row,), _ = joined(files, keep_unmatched=keep_unmatched)
    assert [row["council.text"], row["icb.text"]] == cells


# Refusals.


def refusal(files: dict[str, Path], **changes: Any) -> InputError:
    out = next(iter(files.values())).with_name("joined.csv")
    with pytest.raises(InputError) as caught:
        joined(files, **changes)
    assert not out.exists()
    return caught.value


@pytest.mark.parametrize(("run_key", "header"), [(RUN_KEY, "link_key"), (None, "token")], ids=["blind", "open"])
def test_a_file_without_its_tokens_is_refused(tmp_path: Path, run_key: RunKey | None, header: str) -> None:
    path = file(tmp_path / "a.csv", [header, "x"], [["01", "1"]])
    error = refusal({"a": path}, run_key=run_key)
    assert "has no column" in str(error)
    assert error.where == str(path)


def test_two_rows_of_one_file_with_the_same_link_key_are_explained(tmp_path: Path) -> None:
    path = file(tmp_path / "a.csv", ["token", "x"], [[token, "1"] for token in tokens("one", "two", "one")])
    assert "Two rows of one file have the same link key" in str(refusal({"a": path}))


@pytest.mark.parametrize(
    "header", [["link_key", "x", "x"], ["link_key", "link_key", "x"], ["link_key", "", ""]], ids=str
)
def test_two_columns_with_one_header_are_refused(tmp_path: Path, header: list[str]) -> None:
    path = file(tmp_path / "a.csv", header, [["01", "02", "03"]])
    assert "same header" in str(refusal({"a": path}, run_key=None))


@pytest.mark.parametrize(
    "data",
    [b"", b"link_key,x\n01\n", b"link_key,x\n01,\xff\n", b"\xff,link_key\n1,01\n"],
    ids=range(4),
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    assert refusal({"a": path}, run_key=None).where == str(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal({"a": tmp_path / "a.csv"}).where == str(tmp_path / "a.csv")


def test_a_join_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file to join"):
        join({}, tmp_path / "out.csv", run_key=RUN_KEY, pseudonym_key=PSEUDONYM)


def test_a_wrong_token_stops_the_join(tmp_path: Path) -> None:
    files = blind_files(tmp_path)
    with pytest.raises(TokenError, match="another run"):
        joined(files, run_key=RunKey("run 8", b"k" * 32))
    assert not (tmp_path / "joined.csv").exists()
