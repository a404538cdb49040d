"""The demo's files: made-up extracts of a council and a care board, and which of their rows belong together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from services.rehearsal.children import Population, make_children
from services.rehearsal.extracts import Extract, draw_extract
from services.rehearsal.holder_specs import COUNCIL, ICB
from services.rehearsal.name_lists import NameLists
from services.rehearsal.truth import true_links

REFERENCE_DAY = date(2025, 9, 1)
CHILDREN_PER_ROW = 2.1
"""Children in the population per row of both files, so that 45 % of the council's are in the board's file too."""


@dataclass(frozen=True)
class DemoFiles:
    """Where the demo's files are, and how many rows and true links they have."""

    council: Path
    council_columns: Path
    icb: Path
    icb_columns: Path
    truth: Path
    council_rows: int
    icb_rows: int
    links: int


def write_demo(
    folder: Path,
    *,
    seed: int,
    council_rows: int = 20_000,
    icb_rows: int = 60_000,
    scenario: str = "low",
    today: date = REFERENCE_DAY,
    names: NameLists | None = None,
) -> DemoFiles:
    """Write two extracts, their columns files and ``truth.csv`` into ``folder``, which must exist.

    The same arguments give the same bytes. Raises KeyError if there is no such ``scenario``, and OSError.
    """
    _, council, icb = draw_demo(
        seed=seed, council_rows=council_rows, icb_rows=icb_rows, scenario=scenario, today=today, names=names
    )
    return write_drawn(folder, council, icb)


def draw_demo(
    *,
    seed: int,
    council_rows: int,
    icb_rows: int,
    scenario: str,
    today: date = REFERENCE_DAY,
    names: NameLists | None = None,
) -> tuple[Population, Extract, Extract]:
    """All children, and the extracts of the council and the care board that ``write_demo`` writes.

    Raises KeyError if there is no such ``scenario``.
    """
    rng = np.random.default_rng(seed)
    count = int(CHILDREN_PER_ROW * (council_rows + icb_rows)) + 100
    population = make_children(count, today=today, rng=rng, names=names)
    council = draw_extract(population, holder=COUNCIL, rows=council_rows, scenario=scenario, rng=rng)
    icb = draw_extract(population, holder=ICB, rows=icb_rows, scenario=scenario, rng=rng)
    return population, council, icb


def write_drawn(folder: Path, council: Extract, icb: Extract) -> DemoFiles:
    """Write what ``draw_demo`` drew, as ``write_demo`` does. Raises OSError."""
    links = true_links(council, icb)
    order = np.argsort(links.id_a)
    truth = folder / "truth.csv"
    _write_csv(pa.table({"id_a": links.id_a[order], "id_b": links.id_b[order]}), truth)
    return DemoFiles(
        council=write_extract(council, folder / "council.csv"),
        council_columns=write_columns(council.holder.columns, folder / "council.columns.toml"),
        icb=write_extract(icb, folder / "icb.csv"),
        icb_columns=write_columns(icb.holder.columns, folder / "icb.columns.toml"),
        truth=truth,
        council_rows=len(council),
        icb_rows=len(icb),
        links=len(links),
    )


def write_extract(extract: Extract, path: Path) -> Path:
    """Write the extract as CSV in UTF-8 and return its path."""
    _write_csv(extract.table, path)
    return path


def write_columns(columns: Mapping[str, str], path: Path) -> Path:
    """Write which header holds which of our fields, and return the file's path."""
    path.write_text("".join(f'{name} = "{header}"\n' for name, header in columns.items()), encoding="utf-8")
    return path


def _write_csv(table: pa.Table, path: Path) -> None:
    # No value holds a comma, a quote or a line end; pyarrow would refuse it rather than write a broken file.
    options = pa.csv.WriteOptions(quoting_style="none", quoting_header="none")
    pa.csv.write_csv(table, path, options)
