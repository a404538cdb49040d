"""Rows of text become identifiers in columns: each distinct value is normalised once.

The rules of a field are in the module of its noun: ``names``, ``sex``, ``dates`` and ``births``, ``postcodes``,
``numbers``.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
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
from encoder.findings import Finding, Kind, Reading, Rejection
from encoder.identifiers import Column, Identifiers
from encoder.names import forename, surname
from encoder.names_field import with_names
from encoder.numbers import nhs_number, upn
from encoder.postcodes import postcode
from encoder.read import Batch
from encoder.sex import sex

RULES: dict[str, Callable[[str], Reading]] = {
    "forename": forename,
    "surname": surname,
    "sex": sex,
    "postcode": postcode,
    "nhs_number": nhs_number,
    "upn": upn,
}

IDENTIFYING = frozenset({"forename", "surname", "day", "month", "year", "postcode", "nhs_number", "upn"})
"""A row with none of these cannot link: sex alone fits half of everybody."""


@dataclass(frozen=True, repr=False)
class Normalised:
    """A whole file. ``ids``: pyarrow string array of the row ids; ``rows``: int64, the rows' numbers in the file;
    both as long and in the order of ``identifiers``, which holds the rejected rows too."""

    ids: Any
    rows: NDArray[np.int64]
    identifiers: Identifiers
    rejections: tuple[Rejection, ...]
    findings: tuple[Finding, ...]

    def __repr__(self) -> str:
        return f"Normalised(rows={len(self.rows)}, rejections={len(self.rejections)})"


@dataclass(frozen=True, repr=False)
class _Raw:
    """A column as read: row ``i`` holds ``texts[codes[i]]``."""

    codes: NDArray[np.int64]
    texts: list[str]


def normalise(batches: Iterable[Batch], columns: Columns, *, today: date) -> Normalised:
    """Normalise all rows of one file. Every row is kept; one that cannot link is also among the rejections.

    Raises ``ValueRefused`` for a value that is no date or a column of dates in no single order, and ``InputError``
    if no row can link.
    """
    file, ids, rows, raw = _gather(batches, columns)
    made: dict[str, Column] = {}
    findings: list[Finding] = []
    for field, rule in RULES.items():
        if field in raw:
            column = raw.pop(field)
            readings = [rule(text) for text in column.texts]
            made[field] = _column(column.codes, [one.value for one in readings])
            findings += _count(field, column.codes, [(one.kind, one.reason) for one in readings], rows)
    if columns.date_of_birth is not None:
        codes, births = _births(raw, columns, file, rows, today)
        for part in DATE_FIELDS:
            made[part] = _column(codes, [getattr(one, part) for one in births])
        findings += _count("date_of_birth", codes, [(one.kind, one.reason) for one in births], rows)
    identifiers = with_names(Identifiers(len(rows), {field: made[field] for field in columns.fields}))
    rejections = _reject(identifiers, rows)
    if len(rejections) == len(rows):
        raise InputError(
            "No row has an identifier that can link.",
            where=file,
            remedy="Check that the columns file names the right headers.",
        )
    return Normalised(ids, rows, identifiers, rejections, tuple(findings))


def _gather(batches: Iterable[Batch], columns: Columns) -> tuple[str, Any, NDArray[np.int64], dict[str, _Raw]]:
    file = ""
    ids, rows = [], [np.empty(0, dtype=np.int64)]
    chunks: dict[str, list[Any]] = {field: [] for field in columns.sources}
    for batch in batches:
        file = batch.source
        ids.append(batch.ids)
        rows.append(batch.rows)
        for field in chunks:
            chunks[field].append(batch.values[field].dictionary_encode())
    raw = {}
    for field in list(chunks):
        column = pa.chunked_array(chunks.pop(field), pa.dictionary(pa.int32(), pa.string())).unify_dictionaries()
        codes = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in column.chunks]
        texts = column.chunk(0).dictionary.to_pylist() if codes else []
        raw[field] = _Raw(np.concatenate([np.empty(0, dtype=np.int64), *codes]), texts)
    return file, pa.chunked_array(ids, pa.string()).combine_chunks(), np.concatenate(rows), raw


def _column(codes: NDArray[np.int64], values: Sequence[str]) -> Column:
    """Join the raw values that are one value when normalised."""
    place: dict[str, int] = {}
    joined = np.fromiter((place.setdefault(v, len(place)) for v in values), dtype=np.int32, count=len(values))
    return Column(joined[codes], tuple(place))


def _first_rows(codes: NDArray[np.int64], size: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of the first row that holds each code."""
    first = np.zeros(size, dtype=np.int64)
    first[codes[::-1]] = rows[::-1]  # of several writes to one place the last one stays
    return first


def _count(
    field: str,
    codes: NDArray[np.int64],
    judged: Sequence[tuple[Kind | None, str]],
    rows: NDArray[np.int64],
) -> list[Finding]:
    """One finding for each kind and reason among the judged values, the commonest first."""
    counts = np.bincount(codes, minlength=len(judged)).tolist()
    firsts = _first_rows(codes, len(judged), rows).tolist()
    total: Counter[tuple[Kind, str]] = Counter()
    first: dict[tuple[Kind, str], int] = {}
    for (kind, reason), count, row in zip(judged, counts, firsts, strict=True):
        if kind is not None:
            total[kind, reason] += count
            first[kind, reason] = min(row, first.get((kind, reason), row))
    return [Finding(field, *key, count, first[key]) for key, count in total.most_common()]


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
        refuse_form(first[unreadable], file=file, header=" + ".join(columns.sources[p] for p in DATE_FIELDS[:3]))
    return codes, [birth(value or NOTHING, today=today) for value in found]


def _reject(identifiers: Identifiers, rows: NDArray[np.int64]) -> tuple[Rejection, ...]:
    usable = np.zeros(identifiers.rows, dtype=np.bool_)
    for field, column in identifiers.columns.items():
        if field in IDENTIFYING and "" in column.values:
            usable |= column.codes != column.values.index("")
        elif field in IDENTIFYING:
            usable[:] = True
    return tuple(
        Rejection(index, int(rows[index]), "no identifier but sex") for index in np.flatnonzero(~usable).tolist()
    )
