"""Linkage schemas are read as clkhash reads them, and refused where clkhash would fail later or do otherwise."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from encoder.clk import Schema, XorFolds, load_schema, read_schema
from encoder.errors import InputError, SchemaError
from keys.errors import SecretError

NAME: dict[str, Any] = {
    "identifier": "name",
    "format": {"type": "string"},
    "hashing": {"comparison": {"type": "ngram", "n": 2}, "strategy": {"bitsPerFeature": 30}},
}
PLAIN: dict[str, Any] = {
    "version": 3,
    "clkConfig": {"l": 64, "kdf": {"type": "HKDF"}},
    "features": [{"identifier": "row", "ignored": True}, NAME],
}


NUMBERS: dict[str, Any] = {"type": "numeric", "thresholdDistance": 4, "resolution": 1}


def changed(*path: str | int, value: Any) -> dict[str, Any]:
    """The plain schema with one thing set."""
    schema = copy.deepcopy(PLAIN)
    place: Any = schema
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return schema


def hashing(**changes: Any) -> dict[str, Any]:
    return changed("features", 1, "hashing", value=NAME["hashing"] | changes)


def test_a_schema_is_read_from_a_file_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    for mark in ("", "\ufeff"):
        path = tmp_path / "schema.json"
        path.write_text(mark + json.dumps(PLAIN), encoding="utf-8")
        schema = read_schema(path)
        assert [feature.name for feature in schema.features] == ["row", "name"]
        assert [feature.ignored for feature in schema.features] == [True, False]
        assert (schema.length, schema.folds) == (64, 0)


def test_reading_leaves_the_document_as_it_was() -> None:
    document = copy.deepcopy(PLAIN)
    load_schema(document)
    assert document == PLAIN


def test_a_missing_schema_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_schema(tmp_path / "none.json")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}", b"\x80"])
def test_a_file_that_is_not_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "schema.json"
    path.write_bytes(content)
    with pytest.raises(SchemaError, match="not JSON") as refusal:
        read_schema(path)
    assert refusal.value.where == str(path)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "list"),
        ({}, "version"),
        (changed("version", value=4), "ersion 4 is not supported"),
        (changed("version", value="3"), "ersion 3 is not supported"),
        (changed("version", value=[3]), "not supported"),
        (changed("clkConfig", "l", value=0), "0 is less than the minimum"),
        (changed("clkConfig", value={"l": 64}), "'kdf' is a required property"),
        (changed("clkConfig", "kdf", "salt", value="abc"), "padding"),
        (changed("features", 1, value={"identifier": "name"}), "not valid under any"),
        (
            changed("features", 1, "format", value={"type": "string", "pattern": "(["}),
            "Invalid regular expression",
        ),
        (hashing(hash={"type": "blakeHash", "prevent_singularity": True}), "revent_singularity"),
        (
            hashing(comparison={"type": "numeric", "thresholdDistance": 0.1, "resolution": 1}),
            "not enough fractional",
        ),
        ({"version": 1, "clkConfig": {}, "features": []}, "required"),
    ],
)
def test_what_clkhash_cannot_read_is_refused_with_the_reason(document: Any, reason: str) -> None:
    with pytest.raises(SchemaError, match="not a linkage schema") as refusal:
        load_schema(document, where="schema.json")
    assert reason in refusal.value.what
    assert refusal.value.where == "schema.json"
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (changed("clkConfig", "l", value=100), "blakeHash needs a filter of 2, 4, 8"),
        (changed("clkConfig", "l", value=64.0), "whole numbers"),
        (changed("clkConfig", "kdf", "keySize", value=65), "64 bytes or fewer"),
        (changed("clkConfig", "kdf", "keySize", value=8.0), "whole numbers"),
        (changed("clkConfig", "xor_folds", value=-1), "whole numbers"),
        (changed("clkConfig", "xor_folds", value="1"), "whole numbers"),
        (changed("features", value=[{"identifier": "row", "ignored": True}]), "hashes no column"),
        (changed("features", value=[]), "hashes no column"),
        (changed("features", value=[NAME] * 64), "more than HKDF with SHA256 can derive"),
        (hashing(comparison={"type": "ngram", "n": 2.0}), "whole number of characters"),
        (hashing(comparison={"type": "ngram", "n": 1025}), "n-grams of the feature name have more than 1,024"),
        (hashing(comparison=NUMBERS | {"resolution": 2.0}), "resolution of the feature name must be a whole number"),
        (hashing(comparison=NUMBERS | {"resolution": 1025}), "resolution of the feature name .* 1,024 or less"),
        (hashing(strategy={"bitsPerFeature": 65537}), "feature name sets bits more than 65,536 times"),
        (hashing(strategy={"bitsPerToken": 10**12}), "feature name sets bits more than 65,536 times"),
        (changed("clkConfig", "l", value=1 << 25), "more than 16,777,216 bits before folding"),
        (changed("clkConfig", "xor_folds", value=19), "more than 16,777,216 bits before folding"),
        (changed("clkConfig", "xor_folds", value=10**12), "more than 16,777,216 bits before folding"),
    ],
)
def test_what_clkhash_reads_but_cannot_encode_is_refused(document: Any, fault: str) -> None:
    with pytest.raises(SchemaError, match=fault):
        load_schema(document)


@pytest.mark.parametrize(
    "document",
    [
        hashing(comparison={"type": "ngram", "n": 1024}),
        hashing(comparison=NUMBERS | {"resolution": 1024}),
        hashing(strategy={"bitsPerToken": 65536}),
        changed("clkConfig", "l", value=1 << 24),
        changed("clkConfig", "xor_folds", value=18),
    ],
)
def test_the_largest_sizes_are_taken(document: Any) -> None:
    load_schema(document)


def test_a_filter_of_one_bit_without_singularity_is_refused_instead_of_looping_for_ever() -> None:
    document = hashing(hash={"type": "doubleHash", "prevent_singularity": True})
    document["clkConfig"]["l"] = 1
    with pytest.raises(SchemaError, match="one bit"):
        load_schema(document)


def test_sixty_three_features_are_not_too_many() -> None:
    assert len(load_schema(changed("features", value=[NAME] * 63)).features) == 63


@pytest.mark.parametrize(
    ("config", "choice", "folds"),
    [
        ({}, None, 0),
        ({"xor_folds": 2}, None, 2),
        ({"xorFolds": 0}, None, 0),
        ({"xorFolds": 1, "xor_folds": 1}, None, 1),
        ({"xorFolds": 1}, "clkhash", 0),
        ({"xorFolds": 1}, "schema", 1),
        ({"xorFolds": 0, "xor_folds": 2}, "clkhash", 2),
        ({"xorFolds": 0, "xor_folds": 2}, "schema", 0),
    ],
)
def test_folds_are_those_that_clkhash_does_or_the_choice_names(
    config: dict[str, int], choice: XorFolds | None, folds: int
) -> None:
    assert load_with(config, choice).folds == folds


@pytest.mark.parametrize("config", [{"xorFolds": 1}, {"xorFolds": 0, "xor_folds": 1}])
def test_folds_that_clkhash_would_ignore_are_refused_without_a_choice(config: dict[str, int]) -> None:
    with pytest.raises(SchemaError, match="which clkhash ignores") as refusal:
        load_with(config, None)
    assert "--xor-folds" in refusal.value.remedy


def test_folds_of_a_version_1_schema_are_judged_before_it_is_converted() -> None:
    document = {
        "version": 1,
        "clkConfig": {"l": 64, "k": 5, "xorFolds": 1, "hash": {"type": "blakeHash"}, "kdf": {"type": "HKDF"}},
        "features": [{"identifier": "name", "format": {"type": "string"}, "hashing": {"ngram": 2}}],
    }
    with pytest.raises(SchemaError, match="which clkhash ignores"):
        load_schema(document)
    assert load_schema(document, xor_folds="schema").folds == 1


def load_with(config: dict[str, int], choice: XorFolds | None) -> Schema:
    return load_schema(changed("clkConfig", value=PLAIN["clkConfig"] | config), xor_folds=choice)


def test_an_empty_secret_gives_no_keys() -> None:
    with pytest.raises(SecretError, match="empty"):
        load_schema(PLAIN).keys(b"")
