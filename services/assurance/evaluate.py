"""From files to figures: the holders' rows, the links and the truth."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from encoder.errors import InputError
from encoder.normalise import normalise
from encoder.read import read_rows
from encoder.traits import Writing, traits
from encoder.wording import counted
from keys.terms import Normalisation
from services.assurance.quality import Holding, LinkageQuality, Places, measure
from services.rehearsal.accuracy import RowPair, read_pairs
from services.rehearsal.holder import HolderFiles


def evaluate(
    files: Sequence[HolderFiles], links: Path, truth: Path, *, rules: Normalisation, today: date, below: int
) -> LinkageQuality:
    """Compare the links of two holders with the truth; both are CSV files with id_a and id_b.

    Raises ``InputError`` for a pair that names no row, and as ``read_rows``, ``normalise`` and ``read_pairs`` do.
    """
    found, true = read_pairs(links, "links"), read_pairs(truth, "truth")
    holdings, places = [], []
    for one in files:
        holding, of_row = _holding(one, rules, today)
        holdings.append(holding)
        places.append(of_row)
    return measure(holdings, _places(found, places, files, links), _places(true, places, files, truth), below=below)


def _holding(files: HolderFiles, rules: Normalisation, today: date) -> tuple[Holding, dict[str, int]]:
    """What is known of the rows, and the place of each row id."""
    columns, writing = files.load_columns(), Writing()
    normalised = normalise(writing.watch(read_rows(files.file, columns)), columns, rules=rules, today=today)
    told = traits(normalised.identifiers, writing, today=today)
    return Holding(files.name, len(normalised.rows), told), {
        row_id: place for place, row_id in enumerate(normalised.ids.to_pylist())
    }


def _places(
    pairs: Collection[RowPair], places: Sequence[dict[str, int]], files: Sequence[HolderFiles], where: Path
) -> Places:
    for column, known, holder, at in zip(("id_a", "id_b"), places, files, range(2), strict=True):
        strangers = sum(pair[at] not in known for pair in pairs)
        if strangers:
            raise InputError(
                f"{counted(strangers, 'pair')} of {len(pairs):,} have an {column} that is no row of {holder.name}.",
                where=str(where),
                remedy="id_a holds row ids of the first --holder, id_b of the second; see id in the columns files.",
            )
    rows = [(places[0][a], places[1][b]) for a, b in pairs]
    return np.array(rows, dtype=np.int64).reshape(-1, 2)
