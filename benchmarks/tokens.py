"""What tokens of tuples show at most: how many children a perfect attacker could name by who shares one with whom.

``python -m benchmarks.tokens --rows 1000 10000 100000 400000 --json``. The attacker lists everybody, everybody is
encoded, and it looks at nothing but exact match-keys. Children are told apart by colour refinement (Weisfeiler, Leman,
1968): by which tokens they share with how many, by which tokens those share, and so on. Of each class of children who
cannot be told apart one is named by guessing. ``--postcodes 4`` takes so many postcodes for one, as made-up children
have few neighbours.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.printing import markdown
from keys.template import default_terms
from keys.terms import ExactKey, Identifier, Terms
from services.assurance.attacks.population import identifiers_of
from services.rehearsal.children import make_children
from services.rehearsal.demo_files import REFERENCE_DAY

ROUNDS = 16
"""Of refinement; no children that were tried needed more than nine."""
SEED = 3

Numbers = NDArray[np.int64]
Tuples = Mapping[str, Sequence[str]]


def tuples() -> Tuples:
    """The fields of the default agreement's exact match-keys, by name; those of numbers are nobody else's."""
    exact = [key for key in _terms().match_keys if isinstance(key, ExactKey) and not key.of_number]
    return {key.name: [field.value for field in key.tuple_of] for key in exact}


def _terms() -> Terms:
    return default_terms({"council": [*Identifier], "icb": [*Identifier]})


def tokens(rows: int, those: Tuples, *, postcodes: int = 1) -> list[Numbers]:
    """Of each tuple, int64 (rows,): equal numbers are equal tokens."""
    children = make_children(rows, today=REFERENCE_DAY, rng=np.random.default_rng(SEED), look_alikes=False)
    found = identifiers_of(children, _terms()).columns
    columns = {field: found[field].codes.astype(np.int64) for fields in those.values() for field in fields}
    if "postcode" in columns:
        columns["postcode"] //= postcodes
    return [_together([columns[field] for field in fields]) for fields in those.values()]


def classes(each: Sequence[Numbers]) -> Numbers:
    """Who cannot be told apart by who shares which token with whom: int64 (rows,), equal numbers are one class."""
    colour = np.zeros(len(each[0]), np.int64)
    for _ in range(ROUNDS):
        refined = _together([colour, *(_others(colour, one) for one in each)])
        if refined.max() == colour.max():
            break
        colour = refined
    return colour


def _others(colour: Numbers, token: Numbers) -> Numbers:
    """The colours of all that share a row's token, itself among them, as one number for each."""
    mixed = np.random.default_rng(SEED).integers(0, 1 << 62, int(colour.max()) + 1)
    total = np.zeros(int(token.max()) + 1, np.int64)
    np.add.at(total, token, mixed[colour])  # wraps round; two different sums are equal once in 2^60
    return _numbered(total[token])


def _together(columns: Sequence[Numbers]) -> Numbers:
    number = columns[0]
    for other in columns[1:]:
        number = _numbered(number * (int(other.max()) + 1) + other)
    return number


def _numbered(values: NDArray[Any]) -> Numbers:
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def named(rows: int, those: Tuples, *, postcodes: int = 1) -> float:
    """The share of children that guessing within their class names, 0 to 1."""
    return (int(classes(tokens(rows, those, postcodes=postcodes)).max()) + 1) / rows


def measure(sizes: Sequence[int], *, postcodes: int = 1) -> dict[str, dict[str, float]]:
    """For all tuples together, and for all but each one, the share named at each size."""
    every = tuples()
    cases = {"all": every}
    cases |= {f"without {gone}": {name: of for name, of in every.items() if name != gone} for gone in every}
    return {
        name: {f"{rows:,}": round(named(rows, those, postcodes=postcodes), 6) for rows in sizes}
        for name, those in cases.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="children on the list")
    parser.add_argument("--postcodes", type=int, default=1, help="take so many for one")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.rows, postcodes=options.postcodes)
    heads = ("tuples", *(f"{rows:,}" for rows in options.rows))
    lines = [(name, *(f"{100 * share:.3f} %" for share in one.values())) for name, one in found.items()]
    print(json.dumps(found) if options.json else "\n".join(markdown(heads, lines)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
