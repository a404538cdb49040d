"""``counterfoil columns``: what stands in which column; and the one way in which commands come to their columns."""

from pathlib import Path

from encoder.beside import Beside, refuse_unmatched
from encoder.columns import Columns, load_columns
from encoder.errors import ColumnsError
from encoder.table import Layout


def columns_for(
    file: Path, columns: Path | None, *, beside: Beside | None = None, layout: Layout | None = None, yes: bool
) -> Columns:
    """The columns of ``file``: those of the columns file; or, without one, those that are proposed, once a person has
    confirmed them.

    ``beside``: the second file that was given. ``yes``: nobody is there to ask, so that only a proposal that is sure
    of every field is taken. Raises ``ColumnsError`` if there are none, or if they and the second file do not belong
    together.
    """
    if columns is None:
        raise ColumnsError(
            "No columns file was given.", where=str(file), remedy="Give the file's columns file with --columns."
        )
    chosen = load_columns(columns)
    refuse_unmatched(file, chosen, beside)
    return chosen
