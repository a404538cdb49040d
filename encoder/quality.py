"""Whether a holder's file is fit to link: every figure of the report that comes before linking.

Pure: rows in, figures out. Nothing in the figures identifies a child: they are counts, reasons in our own words,
headers of the columns file, and values that at least ten rows of ten people hold (``field_quality``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from encoder.ages import Ages, ages
from encoder.births import NEW_YEAR
from encoder.cells import Cells, DateForm, Survey
from encoder.columns import DATE_FIELDS, Columns, DateParts
from encoder.errors import ValueRefused
from encoder.field_quality import FieldQuality, measure_field
from encoder.grouping import complete
from encoder.identifiers import FIELDS, Identifiers
from encoder.match_keys import encodable, given
from encoder.names import DAMAGED
from encoder.normalise import Normalised, normalise
from encoder.numbers import DIGITS_LOST, ZERO_LOST
from encoder.read import Batch
from encoder.repeats import Combination, Repeat, combinations, repeats
from encoder.swapped import columns_swapped, swapped
from encoder.twins import Twins, twins
from keys.terms import ExactKey, FuzzyKey, Identifier, Normalisation

Read = Callable[[Columns], Iterable[Batch]]
"""Reads a file from its beginning, with the columns that are given."""

NUMBERS = ("nhs_number", "upn")
FULL_NAME = ("forename", "surname", "date_of_birth")
MOST_PATTERNS = 8

NOTHING_WRITTEN = "every identifier is empty"
ONLY_SEX = "nothing but sex is given"
ONLY_UNUSABLE = "what is given stands for not known, or cannot be right"


@dataclass(frozen=True)
class Fit:
    """Every row is in one of three. ``strong``: it has a number, or forename, surname and date of birth. ``weak``: it
    has less, and may link where others have the same. ``cannot``: it has nothing to link by, for these reasons."""

    strong: int
    weak: int
    cannot: int
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Pattern:
    """Rows that have exactly these identifiers; ``fields`` is ``None`` for all rarer patterns together."""

    fields: tuple[str, ...] | None
    rows: int


@dataclass(frozen=True)
class Spoilt:
    """Cells that a spreadsheet has changed, in one field."""

    field: str
    what: str
    rows: int


@dataclass(frozen=True)
class Dates:
    """How the column of dates is written, empty cells left out, the commonest form first. ``refused``: so that
    ``encode`` does not take it; there are then no figures of dates of birth."""

    header: str
    forms: tuple[tuple[DateForm, int], ...]
    refused: bool

    def rows(self, *forms: DateForm) -> int:
        """How many rows are written in one of these forms."""
        return sum(count for form, count in self.forms if form in forms)


@dataclass(frozen=True)
class KeyRows:
    """How many rows have an encoding under a match-key."""

    name: str
    kind: str
    fields: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Agreed:
    """What an agreement makes of the file; not known where dates were refused.

    ``without``: rows with no encoding under any match-key. ``minimum_rows``: a smaller upload is refused.
    """

    holder: str
    keys: tuple[KeyRows, ...]
    without: int
    minimum_rows: int


@dataclass(frozen=True)
class Quality:
    """All figures of one file of ``rows`` rows. A part that the file has no columns for is empty or ``None``."""

    rows: int
    fit: Fit
    fields: tuple[FieldQuality, ...]
    patterns: tuple[Pattern, ...]
    combinations: tuple[Combination, ...]
    repeats: tuple[Repeat, ...]
    twins: Twins | None
    swapped: int | None
    columns_swapped: bool
    ages: Ages | None
    dates: Dates | None
    spoilt: tuple[Spoilt, ...]
    cut: bool
    agreed: Agreed | None

    def field(self, name: str) -> FieldQuality | None:
        """One field's quality, if the file has it."""
        return next((one for one in self.fields if one.field == name), None)


@dataclass(frozen=True)
class Promise:
    """What of an agreement says what a file must hold."""

    holder: str
    keys: Sequence[FuzzyKey | ExactKey]
    minimum_rows: int


def measure(
    read: Read,
    columns: Columns,
    *,
    rules: Normalisation,
    today: date,
    promise: Promise | None = None,
    refused: Callable[[ValueRefused], None] | None = None,
) -> Quality:
    """Read a file and measure it.

    If its dates of birth cannot be read, ``refused`` is told why, and the file is read once more without them. Raises
    what ``read_rows`` and ``normalise`` raise for all else, and ``ValueRefused`` if the file has nothing but dates.
    """
    survey = Survey(columns)
    dates_refused = False
    try:
        normalised = normalise(survey.watch(read(columns)), columns, rules=rules, today=today)
        cells = survey.seen()
    except ValueRefused as error:
        cells = survey.seen()
        rest = columns.model_copy(update={"date_of_birth": None, "date_order": None})
        if not rest.sources:
            raise
        if refused is not None:
            refused(error)
        dates_refused = True
        normalised = normalise(read(rest), rest, rules=rules, today=today)
    return _quality(normalised, columns, cells, today=today, promise=promise, dates_refused=dates_refused)


def _quality(
    normalised: Normalised,
    columns: Columns,
    cells: Cells,
    *,
    today: date,
    promise: Promise | None,
    dates_refused: bool,
) -> Quality:
    identifiers = normalised.identifiers
    held = [one.value for one in Identifier if one.value in identifiers.columns]
    years = ages(identifiers, today=today)
    hidden = {NEW_YEAR} if years is None or years.new_year is None else set()  # as in ``ages``
    findings = [one for one in normalised.findings if one.reason not in hidden]
    fields = tuple(measure_field(one, _header(columns, one), identifiers, findings) for one in held)
    suspects = swapped(identifiers)
    return Quality(
        identifiers.rows,
        _fit(normalised, cells),
        fields,
        _patterns(identifiers, held),
        combinations(identifiers),
        repeats(identifiers),
        twins(identifiers),
        None if suspects is None else int(np.count_nonzero(suspects)),
        columns_swapped(identifiers),
        years,
        _dates(columns, cells, dates_refused),
        _spoilt(fields, cells),
        cells.cut,
        _agreed(identifiers, promise) if promise is not None and not dates_refused else None,
    )


def _header(columns: Columns, field: str) -> str:
    source: Any = getattr(columns, field)
    if isinstance(source, DateParts):
        return f"{source.day}, {source.month}, {source.year}"
    return source or columns.sources[field]


def _fit(normalised: Normalised, cells: Cells) -> Fit:
    identifiers = normalised.identifiers
    strong = np.zeros(identifiers.rows, dtype=np.bool_)
    for number in NUMBERS:
        if number in identifiers.columns:
            strong |= given(identifiers.columns[number])
    if set(FULL_NAME) <= set(identifiers.columns):
        strong[complete(identifiers, FULL_NAME)] = True
    cannot = np.array([one.index for one in normalised.rejections], dtype=np.int64)
    written, sex = cells.written[cannot], cells.sex_written[cannot]
    reasons = {NOTHING_WRITTEN: ~written & ~sex, ONLY_SEX: ~written & sex, ONLY_UNUSABLE: written}
    rows = int(np.count_nonzero(strong))
    return Fit(
        rows,
        identifiers.rows - rows - len(cannot),
        len(cannot),
        tuple((reason, int(which.sum())) for reason, which in reasons.items() if which.any()),
    )


def _patterns(identifiers: Identifiers, held: Sequence[str]) -> tuple[Pattern, ...]:
    """Which identifiers rows have, the commonest pattern first."""
    masks = np.zeros(identifiers.rows, dtype=np.int64)
    for place, field in enumerate(held):
        masks |= given(identifiers.columns[field]).astype(np.int64) << place
    counts = np.bincount(masks)
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda mask: (-counts[mask], mask))
    found = [
        Pattern(tuple(field for place, field in enumerate(held) if mask >> place & 1), int(counts[mask]))
        for mask in order[:MOST_PATTERNS]
    ]
    rarer = int(counts[order[MOST_PATTERNS:]].sum())
    return (*found, Pattern(None, rarer)) if rarer else tuple(found)


def _dates(columns: Columns, cells: Cells, refused: bool) -> Dates | None:
    if columns.date_of_birth is None:
        return None
    forms = sorted(cells.dates.items(), key=lambda one: -one[1])
    return Dates(_header(columns, "date_of_birth"), tuple(forms), refused)


def _spoilt(fields: Sequence[FieldQuality], cells: Cells) -> tuple[Spoilt, ...]:
    found = [Spoilt(field, str(what), rows) for (field, what), rows in cells.damage.items()]
    found += [
        Spoilt(field.field, one.reason, one.rows)
        for field in fields
        for one in field.reasons
        if one.reason in (ZERO_LOST, DIGITS_LOST, DAMAGED)
    ]
    return tuple(sorted(found, key=lambda one: -one.rows))


def _whole(fields: Iterable[str]) -> tuple[str, ...]:
    """Day, month and year of birth as the one identifier that they are, the others as they are, in a fixed order."""
    found = {"date_of_birth" if field in DATE_FIELDS else field for field in fields}
    return tuple(field for field in FIELDS if field in found)


def _agreed(identifiers: Identifiers, promise: Promise) -> Agreed:
    without = np.ones(identifiers.rows, dtype=np.bool_)
    keys = []
    for key in promise.keys:
        kept = encodable(key, identifiers)
        without &= ~kept
        parts = [field.value for field in key.fields]
        keys.append(KeyRows(key.name, key.kind, _whole(parts), int(np.count_nonzero(kept))))
    return Agreed(promise.holder, tuple(keys), int(np.count_nonzero(without)), promise.minimum_rows)
