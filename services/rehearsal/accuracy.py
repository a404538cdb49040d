"""Links against truth."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from encoder.errors import InputError
from encoder.formats import open_table
from encoder.table import PIECE_ROWS

RowPair = tuple[str, str]


@dataclass(frozen=True)
class Accuracy:
    """Counts of links, and what follows from them. Precision and recall of nothing are 0."""

    right: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.false) if self.right else 0.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (2 * self.right + self.false + self.missed) if self.right else 0.0


def compare(links: Collection[RowPair], truth: Collection[RowPair]) -> Accuracy:
    """Both are sets of (row id of the first holder, row id of the second)."""
    found, true = set(links), set(truth)
    return Accuracy(right=len(found & true), false=len(found - true), missed=len(true - found))


def pair_lines(pairs: Collection[RowPair]) -> bytes:
    """The pairs as CSV with the header ``id_a,id_b``, sorted."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("id_a", "id_b"))
    writer.writerows(sorted(pairs))
    return text.getvalue().encode()


def read_truth(path: Path) -> set[RowPair]:
    """As ``read_pairs``."""
    return read_pairs(path, "truth")


def read_pairs(path: Path, what: str) -> set[RowPair]:
    """The pairs of a CSV file with the columns ``id_a`` and ``id_b``. ``what`` they are. Raises ``InputError``."""
    with open_table(path) as table:
        missing = {"id_a", "id_b"} - set(table.header)
        if missing:
            raise InputError(
                f"The {what} file has no column {' and no column '.join(sorted(missing))}.",
                where=str(path),
                remedy="Its header is id_a,id_b: the row ids of the first and the second holder.",
            )
        places = [table.header.index("id_a"), table.header.index("id_b")]
        return {
            (first.strip(), second.strip())
            for piece in table.pieces(places, PIECE_ROWS)
            for first, second in zip(*(column.to_pylist() for column in piece.columns), strict=True)
        }
