"""Random linkage schemas and records that clkhash accepts, to compare its filters with ours."""

import base64
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from encoder.clk import base_filters, load_schema
from encoder.identifiers import Column

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)
    import clkhash.schema
    from clkhash.clk import generate_clk_from_csv, generate_clks
    from clkhash.serialization import serialize_bitarray

LETTERS = {
    "ascii": "abcdefgxyzABCXYZ0189 -'",
    "other": "aAbéÉßøŁ'- \u0301ñİ\u0131Σ\u03c3ςאב中文🙂\u00a0\u200d\ufeff\x00\n",
}
LENIENT_DATES = {  # read by strptime, though not written in full; the last one has a year without four digits
    "%Y-%m-%d": ("2003-1-2", "2004-02-29", "0999-12-31"),
    "%d/%m/%Y": ("1/2/2003", "29/02/2004", "31/12/0999"),
    "%d %b %Y": ("1  feb 2003",),
    "%Y%m%d": ("20040229",),
    "%d.%m.%y": ("1.2.03", "01.02.68", "01.02.69"),
}
NUMBER = r"[-+]?[0-9]+([.][0-9]+)?"
POSTCODE = "[A-Z]{1,2}[0-9] [0-9][A-Z]{2}"


@dataclass(frozen=True)
class Case:
    """A linkage schema, a secret and rows that are valid by the schema."""

    schema: dict[str, Any]
    secret: bytes
    rows: Sequence[tuple[str, ...]]


def random_case(rng: Random, *, rows: int) -> Case:
    version = rng.choice((1, 2, 3, 3, 3))
    folds = rng.choice((0, 0, 1, 2))
    doubles_only = rng.random() < 0.3
    length = rng.randint(1, 700) if doubles_only else 1 << rng.choice((*range(12), 17))
    drafts = [_feature(rng, version, index, doubles_only) for index in range(rng.randint(1, 6))]
    if all(feature.get("ignored") or feature["hashing"].get("weight") == 0 for feature, _ in drafts):
        last = _text(rng, version, "last", doubles_only)
        last["hashing"].pop("weight", None)
        drafts.append((last, _values(rng, last)))
    config = {"l": length, "kdf": _kdf(rng, (1, 16, 20, 32, 64, 100) if doubles_only else (1, 16, 20, 32, 64))}
    if folds or rng.random() < 0.2:
        config["xor_folds"] = folds
    if rng.random() < 0.2:
        config["xorFolds"] = folds
    if version == 1:
        config |= {"k": rng.randint(2, 40), "hash": _hash(rng, doubles_only)}
    schema = {"version": version, "clkConfig": config, "features": [feature for feature, _ in drafts]}
    if length << folds == 1:
        _allow_singularity(schema)
    secret = bytes(rng.randrange(256) for _ in range(rng.randint(1, 40)))
    table = [tuple(rng.choice(values) for _, values in drafts) for _ in range(rows)]
    return Case(schema, secret, table)


def columns_of(rows: Sequence[Sequence[str]], rng: Random) -> list[Column]:
    """The rows as columns, distinct values in a random order and one of them unused."""
    columns = []
    for values in zip(*rows, strict=True):
        distinct = [*set(values), "unused"]
        rng.shuffle(distinct)
        place = {value: code for code, value in enumerate(distinct)}
        columns.append(Column(np.array([place[value] for value in values], np.int32), tuple(distinct)))
    return columns


def ours(case: Case, rng: Random) -> NDArray[np.uint8]:
    """Our filters; of the columns that the schema ignores, some are absent."""
    schema = load_schema(case.schema)
    columns = columns_of(case.rows, rng)
    given = [
        None if each.ignored and rng.random() < 0.5 else one for each, one in zip(schema.features, columns, strict=True)
    ]
    return base_filters(given, schema, secret=case.secret)


def theirs(case: Case) -> NDArray[np.uint8]:
    return np.array([np.frombuffer(bits.tobytes(), np.uint8) for bits in by_clkhash(case, validate=True)])


def by_clkhash(case: Case, *, validate: bool) -> Sequence[Any]:
    """clkhash's own bit arrays, made in this process."""
    schema = clkhash.schema.from_json_dict(case.schema)
    filters: Sequence[Any] = generate_clks(case.rows, schema, case.secret, validate=validate, max_workers=1)
    return filters


def clkhash_csv(stream: TextIO, schema: dict[str, Any], secret: bytes, *, header: bool) -> list[str]:
    """The CLKs in base64 that clkhash makes of a CSV file. Raises ValueError or StopIteration as clkhash does."""
    filters = generate_clk_from_csv(
        stream, secret, clkhash.schema.from_json_dict(schema), header=header, progress_bar=False, max_workers=1
    )
    return [serialize_bitarray(bits) for bits in filters]


def _allow_singularity(schema: dict[str, Any]) -> None:
    """In a filter of one bit clkhash would look for a stride that is not 0 for ever."""
    hashes = [feature["hashing"].get("hash", {}) for feature in schema["features"] if "hashing" in feature]
    for one in (schema["clkConfig"].get("hash", {}), *hashes):
        one.pop("prevent_singularity", None)


def _kdf(rng: Random, sizes: Sequence[int]) -> dict[str, Any]:
    kdf: dict[str, Any] = {"type": "HKDF"}
    if rng.random() < 0.7:
        kdf["hash"] = rng.choice(("SHA256", "SHA512"))
    for name in ("salt", "info"):
        if rng.random() < 0.5:
            kdf[name] = base64.b64encode(bytes(rng.randrange(256) for _ in range(rng.randint(0, 20)))).decode()
    if rng.random() < 0.6:
        kdf["keySize"] = rng.choice(sizes)
    return kdf


def _hash(rng: Random, doubles_only: bool) -> dict[str, Any]:
    if doubles_only or rng.random() < 0.4:
        return {"type": "doubleHash"} | _maybe(rng, prevent_singularity=rng.random() < 0.6)
    return {"type": "blakeHash"}


def _maybe(rng: Random, **settings: Any) -> dict[str, Any]:
    """Each of these settings, or not, so that what clkhash takes for it is met too."""
    return {name: value for name, value in settings.items() if rng.random() < 0.7}


def _feature(rng: Random, version: int, index: int, doubles_only: bool) -> tuple[dict[str, Any], list[str]]:
    """A feature and the values that it may have."""
    name = f"feature {index}"
    if rng.random() < 0.12:
        return {"identifier": name, "ignored": True} | _maybe(rng, description="left out"), ["", "x", "anything é"]
    make = rng.choice((_text, _text, _pattern, _integer, _date, _enum))
    feature = make(rng, version, name, doubles_only) | _maybe(rng, description="hashed")
    values = _values(rng, feature)
    if rng.random() < 0.4:
        _declare_missing(rng, feature, values)
    if version == 3 and rng.random() < 0.2:
        feature["ignored"] = rng.random() < 0.3
    return feature, values


def _declare_missing(rng: Random, feature: dict[str, Any], values: list[str]) -> None:
    number = feature["hashing"].get("comparison", {}).get("type") == "numeric"
    ascii_only = feature["format"].get("encoding") == "ascii"
    sentinel = rng.choice(("", "", "-1" if number else "NA"))
    missing = {"sentinel": sentinel}
    if rng.random() < 0.5:
        missing["replaceWith"] = rng.choice(("0", "17", "", *(() if number or ascii_only else ("not known: é",))))
    feature["hashing"]["missingValue"] = missing
    values += [sentinel] * (1 + len(values) // 5)


def _hashing(rng: Random, version: int, doubles_only: bool, *, number: bool) -> dict[str, Any]:
    n, positional = rng.choice((1, 2, 2, 3, 4, 7)), rng.random() < 0.4
    bits = rng.choice((1, 5, 20, 20.0, 31, 32, 33, 70, 500))
    placed = _maybe(rng, positional=positional)
    if version == 1:
        return {"ngram": n} | placed | _maybe(rng, weight=rng.choice((0, 0.5, 1, 1.4, 2)))
    per_feature = rng.random() < 0.6
    hashing: dict[str, Any] = {} if rng.random() < 0.3 and not doubles_only else {"hash": _hash(rng, doubles_only)}
    if version == 2:
        return hashing | {
            "ngram": n,
            **placed,
            "strategy": {"numBits" if per_feature else "k": bits},
        }
    hashing["strategy"] = {"bitsPerFeature" if per_feature else "bitsPerToken": bits}
    kinds: list[dict[str, Any]] = [{"type": "ngram", "n": n, **placed}, {"type": "exact"}]
    if number:
        numeric = {"type": "numeric", "resolution": rng.randint(1, 4)}
        numeric["thresholdDistance"] = rng.choice((1, 4, 8, 2.5, 1.5, 1000))
        kinds.append(numeric | _maybe(rng, fractional_precision=rng.randint(0, 3)))
    return hashing | {"comparison": rng.choice(kinds)}


def _text(rng: Random, version: int, name: str, doubles_only: bool) -> dict[str, Any]:
    form: dict[str, Any] = {"type": "string"}
    if rng.random() < 0.7:
        form["encoding"] = rng.choice(("ascii", "utf-8", "utf-16", "utf-32"))
    if rng.random() < 0.4:
        form["case"] = rng.choice(("upper", "lower", "mixed"))
    if rng.random() < 0.3:
        form["maxLength"] = rng.randint(1, 9)
    if rng.random() < 0.2:
        form["minLength"] = rng.randint(0, form.get("maxLength", 3))
    return {"identifier": name, "format": form, "hashing": _hashing(rng, version, doubles_only, number=False)}


def _pattern(rng: Random, version: int, name: str, doubles_only: bool) -> dict[str, Any]:
    pattern = rng.choice((NUMBER, NUMBER, POSTCODE))
    form = {"type": "string", "encoding": rng.choice(("ascii", "utf-8", "utf-16")), "pattern": pattern}
    hashing = _hashing(rng, version, doubles_only, number=pattern == NUMBER)
    return {"identifier": name, "format": form, "hashing": hashing}


def _integer(rng: Random, version: int, name: str, doubles_only: bool) -> dict[str, Any]:
    form: dict[str, Any] = {"type": "integer"}
    if rng.random() < 0.5 or version == 1:
        form["minimum"] = 0
    if rng.random() < 0.3:
        form["maximum"] = 10**12
    return {"identifier": name, "format": form, "hashing": _hashing(rng, version, doubles_only, number=True)}


def _date(rng: Random, version: int, name: str, doubles_only: bool) -> dict[str, Any]:
    form = {"type": "date", "format": rng.choice(list(LENIENT_DATES))}
    return {"identifier": name, "format": form, "hashing": _hashing(rng, version, doubles_only, number=True)}


def _enum(rng: Random, version: int, name: str, doubles_only: bool) -> dict[str, Any]:
    form = {"type": "enum", "values": ["M", "F", "", "Élan"]}
    return {"identifier": name, "format": form, "hashing": _hashing(rng, version, doubles_only, number=False)}


def _values(rng: Random, feature: dict[str, Any]) -> list[str]:
    form, count = feature["format"], rng.randint(1, 30)
    if form["type"] == "integer":
        low = form.get("minimum", -(10**6))
        texts = [str(rng.randint(low, 10 ** rng.randint(1, 12))) for _ in range(count)]
        return [*texts, "+65", " 65", "6_5", "00065", "٦٥"]
    if form["type"] == "date":
        days = [date(1970, 1, 1) + timedelta(rng.randint(0, 20_000)) for _ in range(count)]
        return [*(day.strftime(form["format"]) for day in days), *LENIENT_DATES[form["format"]]]
    if form["type"] == "enum":
        return list(form["values"])
    if form.get("pattern") == POSTCODE:
        return [f"{rng.choice(('B', 'SW', 'ZZ'))}{rng.randint(1, 9)} {rng.randint(0, 9)}AB" for _ in range(count)]
    if "pattern" in form:
        return [f"{rng.randint(-999, 999)}{rng.choice(('', '.5', '.25', '.125'))}" for _ in range(count)]
    letters = LETTERS["ascii"] if form.get("encoding") == "ascii" else LETTERS["ascii"] + LETTERS["other"]
    least, longest = form.get("minLength", 0), form.get("maxLength", 80)
    lengths = [rng.randint(least, min(12, longest)) for _ in range(count)] + [longest]
    change = {"upper": str.upper, "lower": str.lower}.get(form.get("case", "mixed"), str)
    texts = [change("".join(rng.choices(letters, k=length))) for length in lengths]
    most = form.get("maxLength", 100)  # in capitals a text can be longer
    return [text for text in texts if least <= len(text.strip()) and len(text) <= most] or [change("x" * longest)]
