"""Rows of text become identifiers in columns: each distinct value is normalised once.

The rules of a field are in the module of its noun: ``names``, ``scripts`` and ``forename_forms``, ``sex``, ``dates``
and ``births``, ``postcodes``, ``numbers``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from encoder.births import Birth, birth
from encoder.columns import DATE_FIELDS, Columns
from encoder.date_column import read_column, refuse_form
from encoder.dates import NOTHING, read_parts
from encoder.errors import InputError
from encoder.findings import Finding, Judged, Kind, Reading, Rejection
from encoder.forename_forms import join_forms
from encoder.identifiers import Column, Identifiers
from encoder.names import forename, surname
from encoder.names_field import with_names
from encoder.numbers import nhs_number, upn
from encoder.postcodes import postcode
from encoder.read import Batch
from encoder.scripts import transliterate
from encoder.sex import sex
from keys.terms import Normalisation

RULES: dict[str, Callable[[str], Reading]] = {
    "forename": forename,
    "surname": surname,
    "sex": sex,
    "postcode": postcode,
    "nhs_number": nhs_number,
    "upn": upn,
}

NAMES = frozenset({"forename", "surname"})

IDENTIFYING = frozenset({"forename", "surname", "day", "month", "year", "postcode", "nhs_number", "upn"})
"""A row with none of these cannot link: sex alone fits half of everybody."""


@dataclass(frozen=True, repr=False)
class Normalised:
    """A whole file. ``ids``: pyarrow string array of the row ids; ``rows``: int64, the rows' numbers in the file;
    both as long and in the order of ``identifiers``, which holds the rejected rows too. ``judged``: what was found in
    each of ``Columns.sources``, where a date in three columns is ``date_of_birth``. ``excluded``: bool (rows,), rows
    that must not be linked: they have no identifiers, and nothing is said of them."""

    ids: Any
    rows: NDArray[np.int64]
    identifiers: Identifiers
    rejections: tuple[Rejection, ...]
    findings: tuple[Finding, ...]
    judged: Mapping[str, Judged]
    excluded: NDArray[np.bool_]

    def __repr__(self) -> str:
        return f"Normalised(rows={len(self.rows)}, rejections={len(self.rejections)})"


@dataclass(frozen=True, repr=False)
class _Raw:
    """A column as read: row ``i`` holds ``texts[codes[i]]``."""

    codes: NDArray[np.int64]
    texts: list[str]


@dataclass(frozen=True, repr=False)
class _File:
    source: str
    ids: Any
    rows: NDArray[np.int64]
    excluded: NDArray[np.bool_]
    raw: dict[str, _Raw]


def normalise(batches: Iterable[Batch], columns: Columns, *, rules: Normalisation, today: date) -> Normalised:
    """Normalise all rows of one file, by the rules of its agreement.

    Every row is kept; one that cannot link is also among the rejections.

    Raises ``ValueRefused`` for a value that is no date or a column of dates in no single order, and ``InputError``
    if no row can link.
    """
    file = _gather(batches, columns)
    rows, raw = file.rows, file.raw
    made: dict[str, Column] = {}
    judged: dict[str, Judged] = {}
    for field in RULES:
        if field in raw:
            column = raw.pop(field)
            readings = _read(field, column.texts, rules)
            made[field] = _column(column.codes, [one.value for one in readings])
            judged[field] = _judge(column.codes, readings, file.excluded)
    if columns.date_of_birth is not None:
        codes, births = _births(raw, columns, file.source, rows, today)
        for part in DATE_FIELDS:
            made[part] = _column(codes, [getattr(one, part) for one in births])
        judged["date_of_birth"] = _judge(codes, births, file.excluded)
    identifiers = with_names(Identifiers(len(rows), {field: made[field] for field in columns.fields}))
    rejections = _reject(identifiers, rows, file.excluded)
    if len(rejections) + np.count_nonzero(file.excluded) == len(rows):
        raise InputError(
            "No row has an identifier that can link.",
            where=file.source,
            remedy="Check that the columns file names the right headers.",
        )
    findings = (finding for field, one in judged.items() for finding in _count(field, one, rows))
    return Normalised(file.ids, rows, identifiers, rejections, tuple(findings), judged, file.excluded)


def _read(field: str, texts: Sequence[str], rules: Normalisation) -> list[Reading]:
    """By the rule of the field, and then by what the agreement says of names."""
    readings = [RULES[field](text) for text in texts]
    if field in NAMES and rules.other_scripts == "transliterate":
        readings = list(map(transliterate, readings))
    if field == "forename" and rules.forename_variants == "join":
        readings = list(map(join_forms, readings))
    return readings


def _gather(batches: Iterable[Batch], columns: Columns) -> _File:
    source = ""
    ids, rows, excluded = [], [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.bool_)]
    chunks: dict[str, list[Any]] = {field: [] for field in columns.sources}
    for batch in batches:
        source = batch.source
        ids.append(batch.ids)
        rows.append(batch.rows)
        excluded.append(np.zeros(len(batch.rows), np.bool_) if batch.excluded is None else batch.excluded)
        for field in chunks:
            chunks[field].append(batch.values[field].dictionary_encode())
    raw = {}
    for field in list(chunks):
        column = pa.chunked_array(chunks.pop(field), pa.dictionary(pa.int32(), pa.string())).unify_dictionaries()
        codes = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in column.chunks]
        texts = column.chunk(0).dictionary.to_pylist() if codes else []
        raw[field] = _Raw(np.concatenate([np.empty(0, dtype=np.int64), *codes]), texts)
    whole = pa.chunked_array(ids, pa.string()).combine_chunks()
    return _File(source, whole, np.concatenate(rows), np.concatenate(excluded), raw)


def _column(codes: NDArray[np.int64], values: Sequence[str]) -> Column:
    """Join the raw values that are one value when normalised."""
    place: dict[str, int] = {}
    joined = np.fromiter((place.setdefault(v, len(place)) for v in values), dtype=np.int32, count=len(values))
    return Column(joined[codes], tuple(place))


def _first_rows(codes: NDArray[np.integer[Any]], size: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of the first row that holds each code."""
    first = np.zeros(size, dtype=np.int64)
    first[codes[::-1]] = rows[::-1]  # of several writes to one place the last one stays
    return first


def _judge(codes: NDArray[np.int64], found: Sequence[Reading | Birth], excluded: NDArray[np.bool_]) -> Judged:
    place: dict[tuple[Kind | None, str], int] = {(None, ""): 0}
    verdicts = ((one.kind, one.reason) if one.kind is not None else (None, "") for one in found)
    joined = np.fromiter((place.setdefault(v, len(place)) for v in verdicts), dtype=np.uint16, count=len(found))
    judged = joined[codes]
    judged[excluded] = 0
    return Judged(judged, tuple(place))


def _count(field: str, judged: Judged, rows: NDArray[np.int64]) -> list[Finding]:
    """One finding for each kind and reason, the commonest first."""
    counts = np.bincount(judged.codes, minlength=len(judged.verdicts)).tolist()
    firsts = _first_rows(judged.codes, len(judged.verdicts), rows).tolist()
    findings = [
        Finding(field, kind, reason, count, first)
        for (kind, reason), count, first in zip(judged.verdicts, counts, firsts, strict=True)
        if kind is not None and count
    ]
    return sorted(findings, key=lambda one: -one.rows)


def _births(
    raw: dict[str, _Raw], columns: Columns, file: str, rows: NDArray[np.int64], today: date
) -> tuple[NDArray[np.int64], list[Birth]]:
    """Codes and births of one date column, or of three columns with the parts."""
    if isinstance(columns.date_of_birth, str):
        codes, texts = raw["date_of_birth"].codes, raw["date_of_birth"].texts
        first = _first_rows(codes, len(texts), rows)
        written = read_column(texts, first, declared=columns.date_order, file=file, header=columns.date_of_birth)
        return codes, [birth(value, today=today) for value in written]
    parts = [raw["day"], raw["month"], raw["year"]]
    sizes = [len(part.texts) for part in parts]
    joint = np.ravel_multi_index(tuple(part.codes for part in parts), tuple(sizes))
    distinct, codes = np.unique(joint, return_inverse=True)
    places = np.stack(np.unravel_index(distinct, tuple(sizes)), axis=1).tolist()
    cells = [tuple(part.texts[place] for part, place in zip(parts, row, strict=True)) for row in places]
    found = [read_parts(*cell) for cell in cells]
    unreadable = [place for place, value in enumerate(found) if value is None]
    if unreadable:
        first = _first_rows(codes, len(found), rows)
        header = " + ".join(columns.sources[part] for part in DATE_FIELDS[:3])
        refuse_form(first[unreadable], file=file, header=header, whole=False)
    return codes, [birth(value or NOTHING, today=today) for value in found]


def _reject(identifiers: Identifiers, rows: NDArray[np.int64], excluded: NDArray[np.bool_]) -> tuple[Rejection, ...]:
    usable = excluded.copy()
    for field, column in identifiers.columns.items():
        if field in IDENTIFYING and "" in column.values:
            usable |= column.codes != column.values.index("")
        elif field in IDENTIFYING:
            usable[:] = True
    return tuple(
        Rejection(index, int(rows[index]), "no identifier but sex") for index in np.flatnonzero(~usable).tolist()
    )
