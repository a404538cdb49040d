"""The holder's attribute file for the recipient: which columns go into it, and its rows with tokens in place of ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from encoder.errors import InputError
from encoder.results import VALUE_COLUMNS, Results
from encoder.sheet import Sheet, read_text, repeated, sha256_of, take, write_sheet
from encoder.table import Layout, Tell
from encoder.trait_columns import KINDS, TraitColumns


@dataclass(frozen=True, repr=False)
class Plan:
    """What of a holder's file goes to the recipient. Headers are in the order of the file.

    ``row_id`` is empty where rows are known by their numbers. ``declared``: what the columns file names, row id
    and identifiers, which never go. ``left_out``: what else stays behind. ``handed``: what goes.
    """

    sheet: Sheet
    row_id: str
    declared: tuple[str, ...]
    left_out: tuple[str, ...]
    handed: tuple[str, ...]
    traits: TraitColumns | None = None
    """Columns that the file does not have; each is handed over."""


@dataclass(frozen=True)
class Handed:
    """An attribute file as it was written: what its holder tells the recipient, so that a cut file is noticed."""

    path: Path
    rows: int
    sha256: str
    without_token: int
    """Rows of the holder's file that were not encoded and are left out."""


def plan_attributes(
    source: Path,
    *,
    row_id: str,
    identifiers: Sequence[str],
    keep: Sequence[str] = (),
    drop: Sequence[str] = (),
    traits: TraitColumns | None = None,
    layout: Layout | None = None,
    tell: Tell | None = None,
) -> Plan:
    """Read the file that was encoded and decide which columns go: all that are not declared, without those of
    ``drop``; or only those of ``keep``.

    ``row_id`` is the header of the row ids, empty if rows were counted; ``identifiers`` are the other headers that
    the columns file names; ``traits`` go too; ``layout`` and ``tell`` are as for ``open_table``. Every column is read
    as text. Raises ``InputError`` when one of all these is not in the file, when ``keep`` names a declared one, and
    when a column to hand over has the name of the tokens or of a trait.
    """
    if keep and drop:
        raise InputError("--keep and --drop say the same thing in two ways.", remedy="Give one of them.")
    declared = [*filter(None, [row_id]), *identifiers]
    sheet = read_text(source, layout=layout, known={*declared, *keep, *drop}, tell=tell)
    header = sheet.table.column_names
    for name in declared:
        if name not in header:
            # Under another header the identifier would not be dropped.
            raise InputError(
                f"The file no longer has the column {name!r}.",
                where=str(source),
                remedy="Use the file that was encoded.",
            )
    for name in (*keep, *drop):
        _refuse_unknown(name, header, source)
    for name in keep:
        if name in declared:
            raise InputError(
                f"Column {name!r} is an identifier or the row id, which are never handed over.",
                where=str(source),
                remedy="Leave it out of --keep; if it is neither, correct the columns file.",
            )
    handed = [name for name in header if name not in declared and (name in keep if keep else name not in drop)]
    for name in (*VALUE_COLUMNS, *KINDS):
        if name in handed:
            raise InputError(
                f"The file has a column {name!r} of its own.",
                where=str(source),
                remedy="Leave it out with --drop, or rename it if it is an attribute.",
            )
    left_out = [name for name in header if name not in declared and name not in handed]
    in_order = [name for name in header if name in declared]
    return Plan(sheet, row_id, tuple(in_order), tuple(left_out), tuple(handed), traits)


def write_attributes(plan: Plan, out: Path, *, results: Results) -> Handed:
    """Write CSV or Parquet, as the name of ``out`` says: the token of each row and the columns to hand over.

    Rows stand in the random order of the results. Raises ``InputError`` when rows of the results are not in the
    file or it has an id twice: it is then not the one that was encoded.
    """
    row_ids, wanted = _row_ids(plan), pa.array(results.row_ids, pa.string())
    places = pc.index_in(wanted, value_set=row_ids)
    if places.null_count:
        raise InputError(
            f"{places.null_count:,} of the rows that were encoded are no longer in the file.",
            where=str(plan.sheet.path),
            remedy="Use the file that was encoded.",
        )
    traits = plan.traits.take(wanted) if plan.traits else {}
    columns = [pa.array(results.values, pa.string()), *take(plan.sheet, places, plan.handed), *traits.values()]
    write_sheet(pa.table(columns, names=[results.column, *plan.handed, *traits]), out)
    rows = len(results.row_ids)
    return Handed(out, rows, sha256_of(out), len(plan.sheet.rows) - rows)


def _row_ids(plan: Plan) -> Any:
    if not plan.row_id:
        return pa.array(map(str, plan.sheet.rows.tolist()), pa.string())
    ids = pc.utf8_trim_whitespace(plan.sheet.table.column(plan.row_id))
    if places := repeated(ids.to_pylist()):
        raise InputError(
            "Two rows have the same id.",
            where=plan.sheet.where(*places, column=plan.row_id),
            remedy="Use the file that was encoded, in which every id stood once.",
        )
    return ids


def _refuse_unknown(name: str, header: Sequence[str], source: Path) -> None:
    if name in header:
        return
    near = get_close_matches(name, header, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise InputError(
        f"The file has no column {name!r}.",
        where=str(source),
        remedy=f"{hint}Its columns are: {', '.join(map(repr, header))}.",
    )
