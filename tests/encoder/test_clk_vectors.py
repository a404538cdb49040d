"""Vectors that clkhash itself made: our filters and keys are the same for good, whatever version is installed."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from encoder.clk import base_filters, load_schema
from encoder.identifiers import Column

FOLDER = Path(__file__).parents[1] / "vectors" / "clk"
CLKS = json.loads((FOLDER / "clks.json").read_text(encoding="utf-8"))["clks"]
KEYS = json.loads((FOLDER / "keys.json").read_text(encoding="utf-8"))


def column(values: tuple[str, ...]) -> Column:
    return Column(np.arange(len(values), dtype=np.int32), values)


@pytest.mark.parametrize("vector", CLKS, ids=[vector["name"] for vector in CLKS])
def test_filters_are_those_published(vector: dict[str, Any]) -> None:
    columns = [column(values) for values in zip(*vector["rows"], strict=True)]
    filters = base_filters(columns, load_schema(vector["schema"]), secret=vector["secret"].encode())
    assert [base64.b64encode(row.tobytes()).decode() for row in filters] == vector["clks"]


def test_keys_are_those_published() -> None:
    keys = load_schema(KEYS["schema"]).keys(KEYS["secret"].encode())
    assert [[key.hex() for key in pair] for pair in keys] == KEYS["keys"]
    assert keys[1][0].hex().startswith("35eef559e7a4888a3a9197745dd41b34")
    assert keys[1][1].hex().startswith("17d48a384e2846855294fe8195c89e65")


def test_keys_depend_on_ignored_columns() -> None:
    schema = json.loads(json.dumps(KEYS["schema"]))
    del schema["features"][0]
    assert load_schema(schema).keys(b"correct horse")[1] != load_schema(KEYS["schema"]).keys(b"correct horse")[2]


def test_positions_are_little_endian_halves_of_keyed_blake2b() -> None:
    digest = hashlib.blake2b(b"ab", key=b"k" * 64, salt=b"0").digest()
    assert (np.frombuffer(digest, "<u2")[:5] % 1024).tolist() == [912, 187, 829, 420, 598]
    digest = hashlib.blake2b(b"ab", key=b"k" * 64, salt=b"1").digest()
    assert np.frombuffer(digest, "<u2")[0] % 1024 == 477
