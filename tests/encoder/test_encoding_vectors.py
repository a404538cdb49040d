"""The published vectors of encodings are what their descriptions give, what we give, and what clkhash gives."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.clk_cases import Case, theirs
from encoder.identifiers import Column, Identifiers
from encoder.match_keys import Encodings, MatchKeyEncoder, linkage_schema
from keys.derive import Label, subkey
from keys.secret import Secret
from keys.terms import Encoding, ExactKey, FuzzyKey, Terms
from tests.doors import small_terms
from tests.vectors.making.encodings import text

FILE = Path(__file__).parents[1] / "vectors" / "encodings" / "encodings.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
ROWS: list[dict[str, str]] = VECTORS["rows"]
SECRET = Secret(bytes.fromhex(VECTORS["secret"]), agreement=VECTORS["agreement"])
KEYS = [(ExactKey if one["kind"] == "exact" else FuzzyKey).model_validate(one) for one in VECTORS["match_keys"]]


def people() -> Identifiers:
    columns = {}
    for field in ROWS[0]:
        values = [row[field] for row in ROWS]
        distinct = tuple(dict.fromkeys(values))
        columns[field] = Column(np.array([distinct.index(value) for value in values], np.int32), distinct)
    return Identifiers(len(ROWS), columns)


def terms(case: dict[str, Any]) -> Terms:
    reason = None if case["encoding"]["hardening"] else "a test"
    encoding = Encoding.model_validate(case["encoding"] | {"accept_unhardened": reason})
    return small_terms().model_copy(update={"encoding": encoding})


def shown(encoded: Encodings) -> list[str | None]:
    return [row.tobytes().hex() if one else None for row, one in zip(encoded.bits, encoded.present, strict=True)]


def test_the_file_is_what_its_maker_writes() -> None:
    assert FILE.read_text(encoding="utf-8") == text()


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["about"])
@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_encodings_are_those_published(case: dict[str, Any], key: FuzzyKey | ExactKey) -> None:
    encoded = MatchKeyEncoder(key, terms=terms(case), secret=SECRET).encode(people())
    assert shown(encoded) == case["expected"][key.name]["encodings"]
    assert 0 < encoded.present.sum() < len(ROWS)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["about"])
@pytest.mark.parametrize("key", [key for key in KEYS if isinstance(key, FuzzyKey)], ids=lambda key: key.name)
def test_base_filters_are_those_of_clkhash(case: dict[str, Any], key: FuzzyKey) -> None:
    expected = case["expected"][key.name]
    filters = expected.get("base_filters", expected["encodings"])
    rows = [
        tuple(row[one.field.value] for one in key.features) for row, bits in zip(ROWS, filters, strict=True) if bits
    ]
    schema = linkage_schema(key, terms(case).encoding)
    found = theirs(Case(schema, subkey(SECRET, Label.BASE_FILTER, context=key.name), rows))
    assert [row.tobytes().hex() for row in found] == [bits for bits in filters if bits]
