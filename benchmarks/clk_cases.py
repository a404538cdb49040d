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
    "other": "aAbéÉßøŁ'- \u0301ñİ\u0131Σ\u03c3ςאב中文🙂\u00a0",
}
DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d %b %Y", "%Y%m%d", "%d.%m.%y")
NUMBER = r"[-+]?[0-9]+([.][0-9]+)?"


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
    length = rng.randint(2, 700) if doubles_only else 1 << rng.randint(1, 11)
    drafts = [_feature(rng, version, index, doubles_only) for index in range(rng.randint(1, 6))]
    if all(feature.get("ignored") for feature, _ in drafts):
        last = _text(rng, version, "last", doubles_only)
        drafts.append((last, _values(rng, last)))
    config = {"l": length, "kdf": _kdf(rng)}
    if folds or rng.random() < 0.2:
        config["xor_folds"] = folds
    if version == 1:
        config |= {"k": rng.randint(2, 40), "hash": _hash(rng, doubles_only)}
    schema = {"version": version, "clkConfig": config, "features": [feature for feature, _ in drafts]}
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
    return base_filters(columns_of(case.rows, rng), load_schema(case.schema), secret=case.secret)


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


def _kdf(rng: Random) -> dict[str, Any]:
    kdf: dict[str, Any] = {"type": "HKDF"}
    if rng.random() < 0.7:
        kdf["hash"] = rng.choice(("SHA256", "SHA512"))
    for name in ("salt", "info"):
        if rng.random() < 0.5:
            kdf[name] = base64.b64encode(bytes(rng.randrange(256) for _ in range(rng.randint(0, 20)))).decode()
    if rng.random() < 0.6:
        kdf["keySize"] = rng.choice((1, 16, 20, 32, 64))
    return kdf


def _hash(rng: Random, doubles_only: bool) -> dict[str, Any]:
    if doubles_only or rng.random() < 0.4:
        return {"type": "doubleHash", "prevent_singularity": rng.random() < 0.5}
    return {"type": "blakeHash"}


def _feature(rng: Random, version: int, index: int, doubles_only: bool) -> tuple[dict[str, Any], list[str]]:
    """A feature and the values that it may have."""
    name = f"feature {index}"
    if rng.random() < 0.12:
        return {"identifier": name, "ignored": True}, ["", "x", "anything é"]
    make = rng.choice((_text, _text, _pattern, _integer, _date, _enum))
    feature = make(rng, version, name, doubles_only)
    values = _values(rng, feature)
    if rng.random() < 0.4:
        _declare_missing(rng, feature, values)
    return feature, values


def _declare_missing(rng: Random, feature: dict[str, Any], values: list[str]) -> None:
    sentinel = rng.choice(("", "", "NA"))
    missing = {"sentinel": sentinel}
    if sentinel or rng.random() < 0.3:
        missing["replaceWith"] = rng.choice(("0", "17", ""))
    feature["hashing"]["missingValue"] = missing
    values += [sentinel] * (1 + len(values) // 5)


def _hashing(rng: Random, version: int, doubles_only: bool, *, number: bool) -> dict[str, Any]:
    n, positional = rng.choice((1, 2, 2, 3, 4, 7)), rng.random() < 0.4
    bits = rng.choice((1, 5, 20, 31, 32, 33, 70))
    if version == 1:
        weights = {"weight": rng.choice((0.5, 1, 1.4, 2))} if rng.random() < 0.5 else {}
        return {"ngram": n, "positional": positional, **weights}
    per_feature = rng.random() < 0.6
    hashing: dict[str, Any] = {} if rng.random() < 0.3 and not doubles_only else {"hash": _hash(rng, doubles_only)}
    if version == 2:
        return hashing | {
            "ngram": n,
            "positional": positional,
            "strategy": {"numBits" if per_feature else "k": bits},
        }
    hashing["strategy"] = {"bitsPerFeature" if per_feature else "bitsPerToken": bits}
    kinds: list[dict[str, Any]] = [{"type": "ngram", "n": n, "positional": positional}, {"type": "exact"}]
    if number:
        digits = rng.randint(0, 2)
        kinds.append(
            {
                "type": "numeric",
                "thresholdDistance": rng.choice((1, 4, 8, 2.5, 0.5 * 10 ** (1 - digits) + 1)),
                "resolution": rng.randint(1, 4),
                "fractional_precision": digits,
            }
        )
    return hashing | {"comparison": rng.choice(kinds)}


def _text(rng: Random, version: int, name: str, doubles_only: bool) -> dict[str, Any]:
    form: dict[str, Any] = {"type": "string"}
    if rng.random() < 0.7:
        form["encoding"] = rng.choice(("ascii", "utf-8", "utf-16", "utf-32"))
    if rng.random() < 0.4:
        form["case"] = rng.choice(("upper", "lower", "mixed"))
    if rng.random() < 0.3:
        form["maxLength"] = rng.randint(1, 9)
    return {"identifier": name, "format": form, "hashing": _hashing(rng, version, doubles_only, number=False)}


def _pattern(rng: Random, version: int, name: str, doubles_only: bool) -> dict[str, Any]:
    form = {"type": "string", "encoding": rng.choice(("ascii", "utf-8", "utf-16")), "pattern": NUMBER}
    return {"identifier": name, "format": form, "hashing": _hashing(rng, version, doubles_only, number=True)}


def _integer(rng: Random, version: int, name: str, doubles_only: bool) -> dict[str, Any]:
    form: dict[str, Any] = {"type": "integer"}
    if rng.random() < 0.5 or version == 1:
        form["minimum"] = 0
    return {"identifier": name, "format": form, "hashing": _hashing(rng, version, doubles_only, number=True)}


def _date(rng: Random, version: int, name: str, doubles_only: bool) -> dict[str, Any]:
    form = {"type": "date", "format": rng.choice(DATE_FORMATS)}
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
        return [day.strftime(form["format"]) for day in days]
    if form["type"] == "enum":
        return list(form["values"])
    if "pattern" in form:
        return [f"{rng.randint(-999, 999)}{rng.choice(('', '.5', '.25', '.125'))}" for _ in range(count)]
    letters = LETTERS["ascii"] if form.get("encoding") == "ascii" else LETTERS["ascii"] + LETTERS["other"]
    longest = form.get("maxLength", 30)
    texts = ["".join(rng.choices(letters, k=rng.randint(0, min(12, longest)))) for _ in range(count)]
    if longest == 30:
        texts.append("".join(rng.choices(letters, k=80)))
    change = {"upper": str.upper, "lower": str.lower}.get(form.get("case", "mixed"), str)
    return [text for text in map(change, texts) if len(text) <= longest or longest == 30] or [""]
