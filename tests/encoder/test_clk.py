"""Base filters equal clkhash's, whatever the schema and however the rows are ordered or blocked."""

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import encoder.clk
from benchmarks.clk_cases import Case, columns_of, ours, random_case, theirs
from encoder.clk import base_filters, load_schema
from encoder.errors import SchemaError, ValueRefused
from encoder.identifiers import Column
from keys.errors import SecretError

SECRET = b"a secret of the tests"


def feature(name: str = "name", **changes: Any) -> dict[str, Any]:
    hashing = {"comparison": {"type": "ngram", "n": 2}, "strategy": {"bitsPerFeature": 30}} | changes
    form = hashing.pop("format", {"type": "string"})
    return {"identifier": name, "format": form, "hashing": hashing}


def schema(*features: dict[str, Any], **config: Any) -> dict[str, Any]:
    return {
        "version": 3,
        "clkConfig": {"l": 256, "kdf": {"type": "HKDF"}} | config,
        "features": list(features) or [feature()],
    }


def column(*values: str) -> Column:
    return columns_of([[value] for value in values], Random(0))[0]


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32))
def test_filters_are_those_of_clkhash_on_random_schemas_and_records(seed: int) -> None:
    case = random_case(Random(seed), rows=12)
    np.testing.assert_array_equal(ours(case, Random(seed)), theirs(case))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400))
def test_filters_do_not_depend_on_the_size_of_blocks(seed: int, block: int) -> None:
    case = random_case(Random(seed), rows=15)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder.clk, "_BLOCK", block)
        small = ours(case, Random(seed))
    np.testing.assert_array_equal(small, ours(case, Random(seed)))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.data())
def test_filters_do_not_depend_on_the_order_of_rows(seed: int, data: st.DataObject) -> None:
    case = random_case(Random(seed), rows=10)
    order = np.array(data.draw(st.permutations(range(10))))
    columns = [Column(c.codes[order], c.values) for c in columns_of(case.rows, Random(seed))]
    moved = base_filters(columns, load_schema(case.schema), secret=case.secret)
    np.testing.assert_array_equal(moved, ours(case, Random(seed))[order])


COMPARISONS = st.one_of(
    st.just({"type": "exact"}),
    st.builds(
        lambda n, positional: {"type": "ngram", "n": n, "positional": positional}, st.integers(1, 9), st.booleans()
    ),
)
HASHES = st.sampled_from([{"type": "blakeHash"}, {"type": "doubleHash"}])
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@settings(max_examples=120, deadline=None)
@given(st.lists(ANY_TEXT, min_size=1, max_size=8), COMPARISONS, HASHES, st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_filters_of_any_text_are_those_of_clkhash(
    texts: list[str], comparison: dict[str, Any], hash_: dict[str, Any], encoding: str
) -> None:
    form = {"type": "string", "encoding": encoding}
    document = schema(feature(format=form, comparison=comparison, hash=hash_))
    case = Case(document, SECRET, [(text,) for text in texts])
    np.testing.assert_array_equal(ours(case, Random(0)), theirs(case))


def test_an_absent_column_is_like_an_empty_one() -> None:
    loaded = load_schema(schema(feature("a"), feature("b")))
    with_empty = base_filters([column("x", "y"), column("", "")], loaded, secret=SECRET)
    absent = base_filters([column("x", "y"), None], loaded, secret=SECRET)
    np.testing.assert_array_equal(with_empty, absent)
    assert absent.any()


def test_an_empty_date_sets_no_bits_unless_the_schema_replaces_it() -> None:
    date = {"type": "date", "format": "%Y-%m-%d"}
    plain = load_schema(schema(feature(format=date)))
    replaced = load_schema(schema(feature(format=date, missingValue={"sentinel": "", "replaceWith": "20200101"})))
    assert not base_filters([column("")], plain, secret=SECRET).any()
    np.testing.assert_array_equal(
        base_filters([column("")], replaced, secret=SECRET),
        base_filters([column("2020-01-01")], plain, secret=SECRET),
    )


@pytest.mark.parametrize("length", [1, 7, 13, 1000])
def test_a_filter_that_is_not_whole_bytes_ends_in_zeros(length: int) -> None:
    loaded = load_schema(schema(feature(hash={"type": "doubleHash"}), l=length))
    filters = base_filters([column("abcdef", "xyz")], loaded, secret=SECRET)
    assert filters.shape == (2, -(-length // 8))
    assert not np.unpackbits(filters, axis=1)[:, length:].any()


def test_no_rows_give_no_filters() -> None:
    none = Column(np.empty(0, np.int32), ())
    assert base_filters([none], load_schema(schema()), secret=SECRET).shape == (0, 32)


def test_dates_that_strptime_reads_leniently_are_read_the_same() -> None:
    date = {"type": "date", "format": "%d/%m/%Y"}
    loaded = load_schema(schema(feature(format=date)))
    filters = base_filters([column("01/02/2003", "1/2/2003", "29/02/2004")], loaded, secret=SECRET)
    np.testing.assert_array_equal(filters[0], filters[1])
    assert (filters[0] != filters[2]).any()


@pytest.mark.parametrize(
    ("changes", "value", "rule"),
    [
        ({"format": {"type": "date", "format": "%Y-%m-%d"}}, "2023-02-29", "a date written as %Y-%m-%d"),
        ({"format": {"type": "date", "format": "%d %b %Y"}}, "31 Feb 2020", "a date written as"),
        ({"format": {"type": "integer"}}, "7O7", "a whole number"),
        ({"format": {"type": "string", "encoding": "ascii"}}, "Zoë", "text that ascii can hold"),
        ({"comparison": {"type": "numeric", "thresholdDistance": 4, "resolution": 2}}, "inf", "a number"),
        ({"comparison": {"type": "numeric", "thresholdDistance": 4, "resolution": 2}}, "many", "a number"),
    ],
)
def test_a_value_that_cannot_be_read_is_named_by_row_and_column_and_never_shown(
    changes: dict[str, Any], value: str, rule: str
) -> None:
    loaded = load_schema(schema(feature("born", **changes)))
    with pytest.raises(ValueRefused) as refusal:
        base_filters([column("", "", value)], loaded, secret=SECRET)
    assert refusal.value.where == "row 3, column born"
    assert rule in refusal.value.what
    assert value not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(SecretError, match="empty"):
        base_filters([column("x")], load_schema(schema()), secret=b"")


def test_absent_columns_alone_are_refused() -> None:
    with pytest.raises(SchemaError, match="None of the columns"):
        base_filters([None], load_schema(schema()), secret=SECRET)


def test_columns_must_fit_the_schema_and_each_other() -> None:
    loaded = load_schema(schema(feature("a"), feature("b")))
    with pytest.raises(ValueError, match="1 columns for 2 features"):
        base_filters([column("x")], loaded, secret=SECRET)
    with pytest.raises(ValueError, match="different lengths"):
        base_filters([column("x"), column("x", "y")], loaded, secret=SECRET)


def test_another_secret_gives_unrelated_filters() -> None:
    loaded = load_schema(schema(l=1024))
    names = column(*(f"name {i}" for i in range(50)))
    one = base_filters([names], loaded, secret=b"one")
    two = base_filters([names], loaded, secret=b"two")
    shared = np.bitwise_count(one & two).sum() / np.bitwise_count(one).sum()
    assert shared < 0.1
