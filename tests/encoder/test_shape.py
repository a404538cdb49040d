"""Several rows of a holder under one link key: what a join in plain Python gives, and no row lost or told twice."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from encoder.errors import InputError
from encoder.join import Joined, Unmatched, join
from encoder.shape import MOST_COMBINATIONS, MOST_ROWS, Shape
from encoder.sheet import read_sheet, write_sheet
from tests.handed import PSEUDONYM, RUN_KEY, A, B, file, joined, keys_of, tokens

ANY = "any number"
WORDS = ("one", "two", "three", "four")
KEYS = {
    True: dict(zip(WORDS, keys_of(*WORDS), strict=True)),
    False: {word: word.encode().hex().ljust(32, "0") for word in WORDS},
}
"""Link keys by word, of a blind release and of an open one."""

Row = dict[str, Any]
Links = Sequence[Sequence[str]]
"""The links of each holder's rows, in the order of its file."""

LINKS = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=7), min_size=2, max_size=3)


def numbered(name: str, row: int) -> int:
    return 100 * ord(name) + row


def handed(folder: Path, links: Links, *, blind: bool, suffix: str) -> dict[str, Path]:
    """Files of holders a, b, c, whose one attribute ``n`` says which row of which file it is."""
    files = {}
    for name, words in zip("abc", links, strict=False):
        values = tokens(*words, seed=name) if blind else [KEYS[False][word] for word in words]
        numbers = pa.array([numbered(name, row) for row in range(len(words))])
        if suffix == ".csv":
            numbers = numbers.cast(pa.string())
        files[name] = folder / f"{name}{suffix}"
        write_sheet(pa.table({"token" if blind else "link_key": values, "n": numbers}), files[name])
    return files


def in_plain_python(links: Links, shape: Shape, unmatched: Unmatched, *, blind: bool) -> Iterator[Row]:
    names = "abc"[: len(links)]
    for key, word in sorted((key, word) for word, key in KEYS[blind].items()):
        own = {
            name: [numbered(name, row) for row, link in enumerate(words) if link == word]
            for name, words in zip(names, links, strict=True)
        }
        holders = [name for name in names if own[name]]
        if not holders or (len(holders) == 1 and unmatched is Unmatched.DROP):
            continue
        head = {"link_key": key, "holders": " ".join(holders)}
        if shape is Shape.WIDE:
            choices: list[Sequence[int | None]] = [own[name] or [None] for name in names]
            for rows in product(*choices):
                yield {**head, **{f"{name}.n": row for name, row in zip(names, rows, strict=True)}}
        else:
            for name in holders:
                for row in own[name]:
                    yield {**head, "holder": name, **{f"{one}.n": row if one == name else None for one in names}}


def read(path: Path) -> list[Row]:
    """The rows of a joined file, an empty number as None."""
    if path.suffix == ".parquet":
        return [dict(row) for row in read_sheet(path).table.to_pylist()]
    with path.open(encoding="utf-8", newline="") as stream:
        rows: list[Row] = list(csv.DictReader(stream))
    return [{h: (int(v) if v else None) if h.endswith(".n") else v for h, v in row.items()} for row in rows]


def joined_as(
    files: dict[str, Path], out: Path, shape: Shape, unmatched: Unmatched, *, blind: bool
) -> tuple[list[Row], Joined]:
    made = join(
        files,
        out,
        run_key=RUN_KEY if blind else None,
        pseudonym_key=PSEUDONYM,
        unmatched=unmatched,
        shape=shape,
        rows_of_one_holder="any number",
    )
    return read(out), made


@settings(deadline=None, max_examples=60)
@given(LINKS, st.booleans(), st.sampled_from(Shape), st.sampled_from(Unmatched), st.sampled_from([".csv", ".parquet"]))
@example([["two", "one", "two"], ["two", "two", "two"]], True, Shape.WIDE, Unmatched.DROP, ".csv")
@example([["two", "one", "two"], ["two", "four", "two"]], False, Shape.LONG, Unmatched.KEEP, ".parquet")
@example([["one", "one"], ["two"]], False, Shape.WIDE, Unmatched.DROP, ".parquet")
def test_a_join_gives_what_plain_python_gives(
    links: Links, blind: bool, shape: Shape, unmatched: Unmatched, suffix: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = handed(folder, links, blind=blind, suffix=suffix)
        rows, made = joined_as(files, folder / f"joined{suffix}", shape, unmatched, blind=blind)
    assert rows == list(in_plain_python(links, shape, unmatched, blind=blind))
    often = {word for words in links for word in words if words.count(word) > 1}
    linked = {word for word in WORDS if sum(word in words for words in links) > 1}
    written = {word for words in links for word in words} if unmatched is Unmatched.KEEP else linked
    assert (made.written, made.link_keys) == (len(rows), len(written))
    assert (made.linked, made.several) == (len(linked), len(often & written))
    for share, words in zip(made.shares.values(), links, strict=True):
        assert (share.rows, share.linked) == (len(words), sum(word in linked for word in words))
        assert share.several == len({word for word in words if words.count(word) > 1})


@settings(deadline=None, max_examples=30)
@given(LINKS, st.booleans(), st.sampled_from(Unmatched), st.sampled_from([".csv", ".parquet"]))
def test_one_per_link_refuses_what_any_number_joins(
    links: Links, blind: bool, unmatched: Unmatched, suffix: str
) -> None:
    """And writes the same bytes where no file has several rows of a link."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = handed(folder, links, blind=blind, suffix=suffix)
        out, other = folder / f"joined{suffix}", folder / f"other{suffix}"
        options: Any = {
            "run_key": RUN_KEY if blind else None,
            "pseudonym_key": PSEUDONYM,
            "unmatched": unmatched,
        }
        join(files, out, **options, rows_of_one_holder="any number")
        if all(len(set(words)) == len(words) for words in links):
            join(files, other, **options)
            assert other.read_bytes() == out.read_bytes()
        else:
            with pytest.raises(InputError, match="Two rows"):
                join(files, other, **options)
            assert not other.exists()


@pytest.mark.parametrize("shape", Shape)
def test_a_token_that_stands_twice_is_refused_under_any_number_too(tmp_path: Path, shape: Shape) -> None:
    """Two rows of one link have two tokens: the same one twice is the same row twice."""
    one, again = tokens("one", "one")
    assert one != again
    path = file(tmp_path / "a.csv", ["token", "n"], [[one, "1"], [again, "2"], [one, "1"]])
    with pytest.raises(InputError, match="Two rows hold the same token") as caught:
        joined({"a": path}, unmatched=Unmatched.KEEP, shape=shape, rows_of_one_holder=ANY)
    assert caught.value.where == f"{path}, rows 2 and 4, column 'token'"
    other = file(tmp_path / "b.csv", ["token", "n"], [[again, "1"]])
    path = file(tmp_path / "a.csv", ["token", "n"], [[one, "1"], [again, "2"]])
    with pytest.raises(InputError, match="This token stands in"):
        joined({"a": path, "b": other}, shape=shape, rows_of_one_holder=ANY)
    assert not (tmp_path / "joined.csv").exists()


def crowded(folder: Path, first: int, second: int) -> dict[str, Path]:
    """Link key A once in each file and B ``first`` and ``second`` times."""
    return {
        "a": file(folder / "a.csv", ["link_key"], [[A], *[[B]] * first]),
        "b": file(folder / "b.csv", ["link_key"], [*[[B]] * second, [A]]),
    }


def test_too_many_combinations_are_refused_and_long_is_the_way_out(tmp_path: Path) -> None:
    files = crowded(tmp_path, 7, 143)
    with pytest.raises(InputError) as caught:
        joined(files, run_key=None, rows_of_one_holder=ANY)
    assert caught.value.what == (
        "These rows belong to one link key with 7 rows of a and 143 rows of b: 1,001 combinations, "
        "where 1,000 are the most."
    )
    assert caught.value.where == f"{files['b']}, rows 2 and 3, column 'link_key'"
    assert "--shape long" in caught.value.remedy
    assert B not in str(caught.value)
    assert not (tmp_path / "joined.csv").exists()
    rows, made = joined(files, run_key=None, rows_of_one_holder=ANY, shape=Shape.LONG)
    assert [row["holder"] for row in rows] == ["a", "b", *["a"] * 7, *["b"] * 143]
    assert (made.written, made.link_keys, made.several) == (152, 2, 1)


def test_as_many_combinations_as_allowed_are_written(tmp_path: Path) -> None:
    rows, made = joined(crowded(tmp_path, 8, 125), run_key=None, rows_of_one_holder=ANY)
    assert len(rows) == made.written == MOST_COMBINATIONS + 1


def test_rows_without_attributes_are_counted_by_their_combinations(tmp_path: Path) -> None:
    rows, _ = joined(crowded(tmp_path, 2, 3), run_key=None, rows_of_one_holder=ANY)
    assert rows == [{"link_key": key, "holders": "a b"} for key in (A, *[B] * 6)]


def test_three_crowded_files_are_refused_without_overflow(tmp_path: Path) -> None:
    """Two to the power of 64 combinations and more would count as none or few in 64 bits."""
    keys = np.full(1 << 16, A)
    files = {}
    for name in "abcd":
        files[name] = tmp_path / f"{name}.parquet"
        write_sheet(pa.table({"link_key": keys, name: np.arange(len(keys))}), files[name])
    with pytest.raises(InputError, match="18,446,744,073,709,551,616 combinations"):
        joined(files, run_key=None, rows_of_one_holder=ANY)


def test_too_many_rows_in_all_are_refused(tmp_path: Path) -> None:
    """Every link key as many combinations as allowed, and together more than fit."""
    keys = pa.array([f"{number:032x}" for number in range(MOST_ROWS // MOST_COMBINATIONS + 1)])
    files = {}
    for name in "abc":
        files[name] = tmp_path / f"{name}.parquet"
        tenfold = keys.take(pa.array(np.repeat(np.arange(len(keys)), 10)))
        write_sheet(pa.table({"link_key": tenfold, name: np.zeros(len(tenfold))}), files[name])
    with pytest.raises(InputError, match="All combinations would be 50,001,000 rows"):
        joined(files, run_key=None, rows_of_one_holder=ANY)
