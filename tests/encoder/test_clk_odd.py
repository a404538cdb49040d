"""Whatever stands in a schema, there are clkhash's filters or a refusal, and never a traceback or other filters."""

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.clk_cases import Case, ours, random_case, theirs
from encoder.clk import load_schema
from encoder.errors import SchemaError

ODD: tuple[Any, ...] = (0, -1, 1, 2, 0.5, 2.0, True, False, None, "", "x", "3", [], {}, 65, 70, "latin-1", "(", "NA")
Path = tuple[str | int, ...]


def places(document: Any, above: Path = ()) -> Iterator[Path]:
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in pairs:
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from places(value, (*above, key))


def changed(document: dict[str, Any], rng: Random) -> dict[str, Any]:
    """The schema with one thing left out, added, or of an odd value."""
    document = copy.deepcopy(document)
    *path, last = rng.choice(list(places(document)))
    place: Any = document
    for key in path:
        place = place[key]
    kind = rng.choice(("leave out", "add", "replace", "replace", "replace"))
    if kind == "leave out" and isinstance(place, dict):
        del place[last]
    elif kind == "add" and isinstance(place, dict):
        place[rng.choice(("xor_folds", "xorFolds", "salt", "ignored", "more"))] = rng.choice(ODD)
    else:
        place[last] = rng.choice(ODD)
    return document


@settings(max_examples=250, deadline=None)
@given(st.integers(0, 2**32))
def test_an_odd_schema_is_refused_or_means_what_it_means_to_clkhash(seed: int) -> None:
    rng = Random(seed)
    case = random_case(rng, rows=6)
    document = changed(case.schema, rng)
    try:
        features = load_schema(document).features
    except SchemaError as refusal:
        assert refusal.remedy  # noqa: PT017 - most are refused, which is as good as filters
        return
    valid = [row for row in case.rows if all(one.accepts(value) for one, value in zip(features, row, strict=True))]
    if valid:
        odd = Case(document, case.secret, valid)
        np.testing.assert_array_equal(ours(odd, rng), theirs(odd))
