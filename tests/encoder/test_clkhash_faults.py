"""The faults of clkhash that docs/reference/clk.md lists, shown with clkhash itself, and what is done here instead."""

import base64
import hashlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.clk_cases import Case, clkhash_csv, theirs
from encoder.clk import base_filters, load_schema
from encoder.errors import SchemaError, ValueRefused
from encoder.identifiers import Column
from keys.errors import SecretError

SECRET = b"a secret of the tests"
HEADER_ONLY = "name\n"


def feature(name: str = "name", **changes: Any) -> dict[str, Any]:
    hashing = {"comparison": {"type": "ngram", "n": 2}, "strategy": {"bitsPerToken": 10}} | changes
    form = hashing.pop("format", {"type": "string"})
    return {"identifier": name, "format": form, "hashing": hashing}


def schema(*features: dict[str, Any], **config: Any) -> dict[str, Any]:
    config = {"l": 1024, "kdf": {"type": "HKDF"}} | config
    return {"version": 3, "clkConfig": config, "features": list(features) or [feature()]}


def clks(document: dict[str, Any], *values: str | Sequence[str], secret: bytes = SECRET) -> NDArray[np.uint8]:
    """clkhash's filters of rows, each one value or several."""
    return theirs(Case(document, secret, [(row,) if isinstance(row, str) else tuple(row) for row in values]))


def encode(document: dict[str, Any], *values: str, secret: bytes = SECRET) -> NDArray[np.uint8]:
    """Our filters of rows of one value."""
    column = Column(np.arange(len(values), dtype=np.int32), values)
    return base_filters([column], load_schema(document), secret=secret)


def bits(filters: NDArray[np.uint8]) -> list[int]:
    return [int(one) for one in np.bitwise_count(filters).sum(axis=1)]


# What is refused here.


def test_the_documented_key_does_not_fold() -> None:
    plain, documented, folded = (clks(schema(l=64, **one), "Smith") for one in ({}, {"xorFolds": 1}, {"xor_folds": 1}))
    np.testing.assert_array_equal(plain, documented)
    assert (plain != folded).any()
    with pytest.raises(SchemaError, match="clkhash ignores"):
        load_schema(schema(xorFolds=1))


def test_the_message_about_an_invalid_row_shows_its_value() -> None:
    document = schema(feature(format={"type": "integer"}))
    with pytest.raises(ValueError, match="Quentin"):
        clks(document, "Quentin")
    with pytest.raises(ValueRefused) as refusal:
        encode(document, "Quentin")
    assert "Quentin" not in str(refusal.value)


def test_an_empty_secret_is_taken() -> None:
    assert clks(schema(), "Smith", secret=b"").any()
    with pytest.raises(SecretError, match="empty"):
        encode(schema(), "Smith", secret=b"")


def test_a_header_without_rows_gives_no_clks_and_no_error() -> None:
    assert clkhash_csv(io.StringIO(HEADER_ONLY), schema(), SECRET, header=True) == []


def test_a_quotation_mark_that_is_not_closed_swallows_the_rest_of_the_file() -> None:
    text = HEADER_ONLY + '"Smith\nJones\nWilliams\n'
    assert len(clkhash_csv(io.StringIO(text), schema(), SECRET, header=True)) == 1


def test_a_byte_order_mark_is_taken_for_a_part_of_the_header() -> None:
    with pytest.raises(ValueError, match="identifier '\ufeffname'"):
        clkhash_csv(io.StringIO("\ufeffname\nSmith\n"), schema(), SECRET, header=True)


DOUBLE = {"type": "doubleHash", "prevent_singularity": True}
NUMBERS = {"type": "numeric", "thresholdDistance": 4, "resolution": 2}


@pytest.mark.parametrize(
    ("document", "error", "rows"),
    [
        (schema(l=1000), ValueError, [("Smith",)]),
        (schema(kdf={"type": "HKDF", "keySize": 65}), ValueError, [("Smith",)]),
        (schema(*(feature(f"name {place}") for place in range(64))), ValueError, [("Smith",) * 64]),
        (schema(l=1024.0), TypeError, [("Smith",)]),
        (schema(feature(comparison={"type": "ngram", "n": 2.0})), TypeError, [("Smith",)]),
        (schema(feature(comparison=NUMBERS | {"resolution": 2.0})), TypeError, [("1",)]),
        (schema(feature(hash=DOUBLE), l=1), UnicodeEncodeError, [("Smith",)]),
    ],
    ids=["no power of two", "long keys", "64 features", "l = 1024.0", "n = 2.0", "resolution = 2.0", "one bit"],
)
def test_a_schema_that_cannot_work_is_read_and_fails_at_the_first_row(
    document: dict[str, Any], error: type[Exception], rows: list[tuple[str, ...]]
) -> None:
    with pytest.raises(error):  # clkhash's error about a schema is none of these
        theirs(Case(document, SECRET, rows))
    with pytest.raises(SchemaError):
        load_schema(document)


@pytest.mark.parametrize("value", ["many", "inf", "nan"])
def test_what_is_no_number_passes_validation_and_fails_in_hashing(value: str) -> None:
    document = schema(feature(comparison=NUMBERS))
    with pytest.raises((ValueError, OverflowError)) as failure:
        clks(document, value)
    assert type(failure.value) in {ValueError, OverflowError}, "not validation's own error"
    with pytest.raises(ValueRefused):
        encode(document, value)


def test_a_schema_that_hashes_nothing_gives_empty_filters() -> None:
    document = schema({"identifier": "row", "ignored": True})
    assert not clks(document, "1", "2").any()
    with pytest.raises(SchemaError, match="hashes no column"):
        load_schema(document)


# What stays, because the bytes must be the same.


def same(document: dict[str, Any], *values: str) -> NDArray[np.uint8]:
    """The filters, if ours and clkhash's are the same."""
    filters = encode(document, *values)
    np.testing.assert_array_equal(filters, clks(document, *values))
    return filters


def test_keys_depend_on_ignored_columns() -> None:
    with_ignored = schema({"identifier": "row", "ignored": True}, feature())
    assert (clks(with_ignored, ("1", "Smith")) != clks(schema(), "Smith")).any()


def test_nothing_is_normalised() -> None:
    filters = same(schema(), "Zo\u00eb", "Zoe\u0308", "ZO\u00cb", "Zo\u00eb ")
    assert len({row.tobytes() for row in filters}) == 4


def test_a_sentinel_without_replacement_is_hashed_like_a_value() -> None:
    filters = same(schema(feature(missingValue={"sentinel": "NA"})), "NA", "NA", "")
    assert bits(filters)[0] > 0
    np.testing.assert_array_equal(filters[0], filters[1])
    assert bits(filters)[2] == 0


def test_length_shows_with_bits_per_token() -> None:
    few, many = bits(same(schema(), "Li", "Bartholomew-Montgomery"))
    assert 4 * few < many


def test_with_fewer_bits_per_feature_than_tokens_the_end_of_a_value_does_not_count() -> None:
    document = schema(feature(strategy={"bitsPerFeature": 5}))
    filters = same(document, "Montgomery", "Montgomarr")
    np.testing.assert_array_equal(filters[0], filters[1])


def test_utf_16_puts_a_byte_order_mark_before_every_token() -> None:
    form = {"type": "string", "encoding": "utf-16"}
    salt = base64.b64encode(b"salt").decode()
    document = schema(feature(format=form, comparison={"type": "ngram", "n": 1}), kdf={"type": "HKDF", "salt": salt})
    key = load_schema(document).keys(SECRET)[0][0]
    digests = [hashlib.blake2b(b"\xff\xfe" + one + b"\0", key=key, salt=b"0").digest() for one in (b"N", b"g")]
    expected = {int(place) for digest in digests for place in np.frombuffer(digest, "<u2")[:10] % 1024}
    assert set(np.flatnonzero(np.unpackbits(same(document, "Ng"))).tolist()) == expected


def test_blake_hash_never_reaches_beyond_65536_bits() -> None:
    filters = np.unpackbits(same(schema(l=1 << 17), "Smith", "Jones"), axis=1)
    assert filters[:, : 1 << 16].any()
    assert not filters[:, 1 << 16 :].any()


def test_double_hash_can_set_one_bit_only() -> None:
    """In a filter of two bits the stride is 0 or 1: about every second token then sets one bit, unless prevented."""
    values = [str(number) for number in range(40)]
    prone, safe = (
        schema(feature(comparison={"type": "exact"}, hash={"type": "doubleHash"} | more), l=2)
        for more in ({}, {"prevent_singularity": True})
    )
    assert set(bits(same(prone, *values))) == {1, 2}
    assert set(bits(same(safe, *values))) == {2}


def test_a_misspelt_setting_is_ignored() -> None:
    np.testing.assert_array_equal(
        same(schema(kdf={"type": "HKDF", "keysize": 16}, xorfolds=3), "Smith"), same(schema(), "Smith")
    )
