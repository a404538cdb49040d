"""Encoding: base filters against clkhash in one process, equality on random schemas, and the whole command.

``python -m benchmarks.encode --rows 50000 --json``: rows per second, ratio and peak memory, and whether filters are
identical. ``--conformance 500``: how many filters of random schemas differ. ``--whole 1000000``: all of
``counterfoil encode`` on every core.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.apart import apart
from benchmarks.clk_cases import Case, by_clkhash, ours, random_case, theirs
from benchmarks.whole import whole
from encoder.clk import base_filters, load_schema
from encoder.identifiers import Column

FIRST = ("al", "an", "bel", "cor", "dan", "el", "gar", "han", "jo", "ka", "len", "mar", "nor", "ros", "wil")
LATER = ("bert", "den", "fa", "gan", "ham", "ia", "ker", "la", "man", "na", "ra", "ry", "sha", "son", "ton", "ver")


def realistic_case(rows: int, seed: int = 1) -> Case:
    """Names with a long tail, dates of birth of 25 years, postcodes of which few are shared, and sex."""
    rng = Random(seed)
    forenames = _names(rng, 4_000, 2, 3)
    surnames = _names(rng, 25_000, 2, 4)
    forename_rows = rng.choices(forenames, _tail(len(forenames)), k=rows)
    surname_rows = rng.choices(surnames, _tail(len(surnames)), k=rows)
    births = np.datetime64("2000-01-01") + np.array([rng.randrange(9_131) for _ in range(rows)])
    table = list(
        zip(
            forename_rows,
            surname_rows,
            [str(birth) for birth in births],
            [_postcode(rng) for _ in range(rows)],
            rng.choices(("M", "F", ""), (49, 49, 2), k=rows),
            strict=True,
        )
    )
    return Case(_schema(), b"benchmark secret of no worth", table)


def speed(rows: int, repeats: int) -> dict[str, Any]:
    """Both encode the same rows, in memory, without checking them; each one's best of some runs counts.

    Ours starts from columns, as normalising gives them, and is counted once more with making columns of rows.
    Memory is that of a process which makes the rows and encodes them once, beside one that only makes the rows.
    """
    memory = {f"{name}_peak_mib": round(apart(encode_once, name, rows)[1]) for name in ("rows", "ours", "clkhash")}
    case = realistic_case(rows)
    runs = [_time(case) for _ in range(repeats)]
    making, encoding, reference = (min(seconds) for seconds in list(zip(*runs, strict=True))[:3])
    return {
        "rows": rows,
        "distinct": [len(set(values)) for values in zip(*case.rows, strict=True)],
        "ours_rows_per_s": round(rows / encoding),
        "ours_with_columns_rows_per_s": round(rows / (making + encoding)),
        "clkhash_rows_per_s": round(rows / reference),
        "ratio": round(reference / encoding, 1),
        "ratio_with_columns": round(reference / (making + encoding), 1),
        "identical": all(run[3] for run in runs),
        **memory,
    }


def encode_once(name: str, rows: int) -> None:
    """Make the rows, and encode them with ``ours``, with ``clkhash``, or not at all."""
    case = realistic_case(rows)
    if name == "ours":
        base_filters(_columns(case), load_schema(case.schema), secret=case.secret)
    elif name == "clkhash":
        by_clkhash(case, validate=False)


def _time(case: Case) -> tuple[float, float, float, bool]:
    """Seconds to make columns, to encode them, and for clkhash; and whether the filters are the same."""
    started = time.perf_counter()
    columns = _columns(case)
    made = time.perf_counter()
    filters = base_filters(columns, load_schema(case.schema), secret=case.secret)
    encoded = time.perf_counter()
    expected = by_clkhash(case, validate=False)
    done = time.perf_counter()
    same = filters.tobytes() == b"".join(bits.tobytes() for bits in expected)
    return made - started, encoded - made, done - encoded, same


def conformance(schemas: int, rows: int = 25) -> dict[str, Any]:
    """Random schemas with random records: how many filters differ from clkhash's."""
    rng, records, mismatches = Random(2024), 0, 0
    for _ in range(schemas):
        case = random_case(rng, rows=rows)
        records += len(case.rows)
        mismatches += int((ours(case, rng) != theirs(case)).any(axis=1).sum())
    return {"schemas": schemas, "records": records, "mismatches": mismatches}


def _columns(case: Case) -> list[Column]:
    return [_column(values) for values in zip(*case.rows, strict=True)]


def _column(values: Sequence[str]) -> Column:
    encoded = pa.array(values).dictionary_encode()
    return Column(encoded.indices.to_numpy(), tuple(encoded.dictionary.to_pylist()))


def _names(rng: Random, count: int, least: int, most: int) -> list[str]:
    """Made-up names of ``least`` to ``most`` syllables, in a fixed order."""
    names: set[str] = set()
    while len(names) < count:
        names.add(rng.choice(FIRST) + "".join(rng.choices(LATER, k=rng.randint(least, most) - 1)))
    return sorted(names)


def _tail(count: int) -> list[float]:
    return [1 / (rank + 10) for rank in range(count)]


def _postcode(rng: Random) -> str:
    area = rng.choice(("CB", "PE", "NR", "IP", "SG", "LE", "B", "M", "LS", "SE"))
    return f"{area}{rng.randint(1, 24)} {rng.randint(1, 9)}{''.join(rng.choices('ABDEFGHJLNPQRSTUWXYZ', k=2))}"


def _schema() -> dict[str, Any]:
    def feature(name: str, form: dict[str, Any], bits: int, **comparison: Any) -> dict[str, Any]:
        hashing = {
            "comparison": {"type": "ngram", "n": 2, **comparison},
            "strategy": {"bitsPerFeature": bits},
            "hash": {"type": "blakeHash"},
            "missingValue": {"sentinel": ""},
        }
        return {"identifier": name, "format": form, "hashing": hashing}

    text = {"type": "string", "encoding": "utf-8"}
    return {
        "version": 3,
        "clkConfig": {"l": 1024, "kdf": {"type": "HKDF", "hash": "SHA256", "keySize": 64}},
        "features": [
            feature("forename", text, 100),
            feature("surname", text, 100),
            feature("dob", {"type": "date", "format": "%Y-%m-%d"}, 120, n=1, positional=True),
            feature("postcode", text, 60, positional=True),
            feature("sex", {"type": "enum", "values": ["M", "F"]}, 10, n=1),
        ],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--conformance", type=int, metavar="SCHEMAS")
    parser.add_argument("--whole", type=int, metavar="ROWS")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.whole is not None:
        figures = whole(options.whole, workers=options.workers)
    elif options.conformance is not None:
        figures = conformance(options.conformance)
    else:
        figures = speed(options.rows, options.repeats)
    if options.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name:20} {figure}" for name, figure in figures.items()))
    return int(figures.get("mismatches", 0) > 0 or not figures.get("identical", True))


if __name__ == "__main__":
    sys.exit(main())
