"""What a holder sees before anything is written: which identifiers it has, what will leave and how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from encoder.errors import InputError
from encoder.findings import Kind
from encoder.match_keys import encodable
from encoder.normalise import Normalised
from encoder.package import upload_bytes
from encoder.wording import counted
from keys.agreement import Agreement, Party
from keys.receiving import ReceivingAddress


@dataclass(frozen=True)
class FieldCount:
    """Rows by what became of one identifier; together they are all rows but the excluded ones."""

    given: int
    missing: int
    placeholder: int
    invalid: int


@dataclass(frozen=True)
class Inventory:
    """Counts of the holder's rows; ``bytes``: the size of the upload. ``encoded``: rows with an encoding under some
    match-key. ``control_rows``: made-up rows that are uploaded beside them, which no other count holds."""

    rows: int
    control_rows: int
    excluded: int
    rejected: int
    encoded: int
    fields: Mapping[str, FieldCount]
    match_keys: Mapping[str, int]
    bytes: int


def take_inventory(
    normalised: Normalised, *, agreement: Agreement, holder: Party, receiving: ReceivingAddress
) -> Inventory:
    """Raises ``InputError`` when fewer rows would have an encoding than the broker accepts."""
    terms, rows = agreement.terms, normalised.identifiers.rows
    excluded = int(np.count_nonzero(normalised.excluded))
    fields = {}
    for field, judged in normalised.judged.items():
        missing, placeholder, invalid = (judged.rows(kind) for kind in (Kind.MISSING, Kind.PLACEHOLDER, Kind.INVALID))
        given = rows - excluded - missing - placeholder - invalid
        fields[field] = FieldCount(given, missing, placeholder, invalid)
    keys = {key.name: encodable(key, normalised.identifiers) for key in terms.keys_of(holder.name)}
    encoded = int(np.count_nonzero(np.logical_or.reduce(list(keys.values())))) if keys else 0
    if encoded < terms.minimum_rows:
        raise InputError(
            f"{counted(encoded, 'row')} would have an encoding; the agreement asks for {terms.minimum_rows:,} or more.",
            remedy="Encode the whole cohort, check that the columns file names the right columns, or agree on a "
            "smaller minimum.",
        )
    return Inventory(
        rows,
        terms.control.rows,
        excluded,
        len(normalised.rejections),
        encoded,
        fields,
        {name: int(np.count_nonzero(present)) for name, present in keys.items()},
        upload_bytes(agreement, holder, receiving, rows),
    )
