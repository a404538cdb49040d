"""What each match-key, its bits and the hardening contribute: linkage quality beside what leaks.

``python -m benchmarks.ablation [--data DIR] [--rows N] [--json]``: the default agreement, then the same with one choice
changed. ``--data DIR`` measures ``DIR/febrl`` and ``DIR/historical-dev`` too.
"""

import argparse
import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contenders import ours_under
from benchmarks.datasets import OF_FILES, Dataset, datasets
from benchmarks.judging import judge
from benchmarks.leak import leak
from benchmarks.printing import markdown
from keys.frontier import TUPLE
from keys.layout import encoding_bytes
from keys.template import default_terms
from keys.terms import PARTS_OF_DATE, ExactKey, FuzzyKey, Identifier, Terms

Keys = Mapping[str, Mapping[str, tuple[str, int]]]
"""Of each match-key its fields, how each is compared and its bits; ``TUPLE`` and 0 of an exact one."""
Change = Callable[[Terms], Terms]

DESIGN: Mapping[str, Mapping[str, int]] = {
    "all": {"forename": 100, "surname": 100, "day": 35, "month": 35, "year": 50, "postcode": 60},
    "no-surname": {"forename": 130, "day": 45, "month": 45, "year": 60, "postcode": 110},
    "no-postcode": {"forename": 110, "surname": 110, "day": 40, "month": 40, "year": 50},
    "no-forename": {"surname": 130, "day": 45, "month": 45, "year": 60, "postcode": 110},
}
"""One match-key of everything, and three that lack one field each."""
SETS = (*OF_FILES, "generator, low", "generator, high")
FIRST_SEED = 3
LEAST_BITS = 0.6


def hardened(terms: Terms, **changes: int) -> Terms:
    """The same with another ``t`` or ``length``."""
    assert terms.encoding.hardening is not None
    hardening = terms.encoding.hardening.model_copy(update=changes)
    return terms.model_copy(update={"encoding": terms.encoding.model_copy(update={"hardening": hardening})})


def without(terms: Terms, name: str) -> Terms:
    """The same without one match-key."""
    return terms.model_copy(update={"match_keys": tuple(key for key in terms.match_keys if key.name != name)})


def only(terms: Terms, name: str) -> Terms:
    """The same with one of its fuzzy match-keys, and all exact ones, those of tuples too."""
    kept = tuple(key for key in terms.match_keys if key.name == name or not isinstance(key, FuzzyKey))
    return terms.model_copy(update={"match_keys": kept})


def scaled(terms: Terms, factor: float) -> Terms:
    """The same with so many times the bits of every feature."""

    def scale(key: FuzzyKey) -> FuzzyKey:
        features = tuple(one.model_copy(update={"bits": round(one.bits * factor)}) for one in key.features)
        return key.model_copy(update={"features": features, "minimum_bits": round(key.minimum_bits * factor)})

    keys = tuple(scale(key) if isinstance(key, FuzzyKey) else key for key in terms.match_keys)
    return terms.model_copy(update={"match_keys": keys})


def in_part(keys: Mapping[str, Mapping[str, int]]) -> Keys:
    """Match-keys by the bits of their fields: names and postcodes are alike in part, parts of dates agree or do not."""
    return {
        name: {field: ("exact" if field in PARTS_OF_DATE else "bigrams", count) for field, count in bits.items()}
        for name, bits in keys.items()
    }


def replaced(terms: Terms, keys: Keys) -> Terms:
    """The same with other match-keys beside those of numbers, of the fields that the old ones have.

    A fuzzy match-key keeps what there is of it, if that is half of its bits; a tuple that lacks a field makes none.
    """
    numbers = tuple(key for key in terms.match_keys if key.name in terms.numbers)
    there = {field.value for key in _own(terms) for field in key.fields}
    made = [_made(name, features, there) for name, features in keys.items()]
    return terms.model_copy(update={"match_keys": (*numbers, *(key for key in made if key is not None))})


def _made(name: str, features: Mapping[str, tuple[str, int]], there: Collection[str]) -> FuzzyKey | ExactKey | None:
    kept = {field: how for field, how in features.items() if field in there}
    if any(compare == TUPLE for compare, _ in features.values()):
        return (
            ExactKey.model_validate({"kind": "exact", "name": name, "tuple_of": list(kept)})
            if kept == features
            else None
        )
    listed = [{"field": field, "compare": compare, "bits": count} for field, (compare, count) in kept.items()]
    bits = sum(count for _, count in kept.values())
    if 2 * bits < sum(count for _, count in features.values()):
        return None
    least = round(LEAST_BITS * bits)
    return FuzzyKey.model_validate({"kind": "fuzzy", "name": name, "minimum_bits": least, "features": listed})


def variants() -> dict[str, Change]:
    """Every changed agreement, by what is changed; the default one first."""
    own = _own(_default())
    fuzzy = [key for key in own if isinstance(key, FuzzyKey)]
    found: dict[str, Change] = {"the default": lambda terms: terms}
    found |= {f"without {key.name}": partial(without, name=key.name) for key in own}
    if len(fuzzy) > 1:
        found |= {f"{key.name} alone": partial(only, name=key.name) for key in fuzzy}
    found["one key of all fields, and three without one"] = partial(replaced, keys=in_part(DESIGN))
    found |= {f"{factor} times the bits": partial(scaled, factor=factor) for factor in (0.5, 1.5)}
    found |= {f"t = {t}": partial(hardened, t=t) for t in (4, 5, 6, 7, 9, 12) if t != _default_t()}
    lengths = [length for length in (256, 384, 512, 1024, 2048) if length != _default_length()]
    found |= {f"{length:,} bits": partial(hardened, length=length) for length in lengths}
    return found


def _own(terms: Terms) -> list[FuzzyKey | ExactKey]:
    """The match-keys but those of numbers."""
    return [key for key in terms.match_keys if key.name not in terms.numbers]


def _default() -> Terms:
    have = [Identifier.FORENAME, Identifier.SURNAME, Identifier.DATE_OF_BIRTH, Identifier.POSTCODE]
    return default_terms({"council": have, "icb": have})


def _default_t() -> int:
    hardening = _default().encoding.hardening
    return hardening.t if hardening else 1


def _default_length() -> int:
    encoding = _default().encoding
    return encoding.hardening.length if encoding.hardening else encoding.length


def measure(rows: int, data: Path | None, chosen: Sequence[str] = ()) -> dict[str, Any]:
    """Every variant, or those ``chosen``, on every data set; ``rows`` of the generator's first holder."""
    changes = {name: change for name, change in variants().items() if not chosen or name in chosen}
    found: dict[str, Any] = {name: _cost(change(_default())) | {"data": {}} for name, change in changes.items()}
    for one in SETS:
        for dataset in datasets(one, rows, data, FIRST_SEED, None):
            for name, change in changes.items():
                found[name]["data"][dataset.name] = _quality(dataset, change)
    return found


def _cost(terms: Terms) -> dict[str, Any]:
    """How many match-keys but those of numbers, their bits per row, and what the fuzzy ones leak."""
    own = _own(terms)
    bits = sum(8 * encoding_bytes(terms, key) for key in own)
    return {"keys": len(own), "bits": bits, "leak": asdict(leak(terms))}


def _quality(dataset: Dataset, change: Change) -> dict[str, Any]:
    sides = dataset.sides
    figures = judge(ours_under(sides, change(sides.terms)), sides.truth, dataset.twins)
    return {key: figures[key] for key in ("f1", "precision", "recall", "best_f1")}


def tables(found: dict[str, Any]) -> list[str]:
    """Lines of Markdown."""
    sets = list(next(iter(found.values()))["data"])
    heads = ("agreement", "bits per row", "leak: twins, others", *(f"{name}: F1, best" for name in sets))
    return markdown(heads, list(_cells(found, sets)))


def _cells(found: dict[str, Any], sets: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for name, one in found.items():
        told = f"{one['leak']['twins']:.2f}, {one['leak']['others']:.2f}"
        quality = (f"{one['data'][each]['f1']:.3f}, {one['data'][each]['best_f1']:.3f}" for each in sets)
        yield (name, f"{one['bits']:,}", told, *quality)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=5_000, help="of the council; the care board has three times as many"
    )
    parser.add_argument("--data", type=Path, help="folder with febrl and historical-dev")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.rows, options.data)
    print(json.dumps(found) if options.json else "\n".join(tables(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
