"""Rows of two holders whose truth is known: files given, or made-up children."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.judging import Twins
from benchmarks.simulation import OTHERS_PER_ROW, Sides, read_sides
from services.rehearsal.demo_files import DemoFiles, draw_demo, write_columns, write_drawn

FEBRL_COLUMNS = {
    "id": "rec_id",
    "forename": "given_name",
    "surname": "surname",
    "date_of_birth": "date_of_birth",
    "postcode": "postcode",
}


@dataclass(frozen=True, repr=False)
class Dataset:
    """``twins`` are known of made-up children alone."""

    name: str
    sides: Sides
    twins: Twins | None = None


def generated(rows: int, scenario: str, seed: int = 3) -> Dataset:
    """Made-up children: ``rows`` of a council, and ``OTHERS_PER_ROW`` times as many of a care board."""
    population, council, icb = draw_demo(
        seed=seed, council_rows=rows, icb_rows=OTHERS_PER_ROW * rows, scenario=scenario
    )
    with TemporaryDirectory() as folder:
        sides = read_sides(write_drawn(Path(folder), council, icb))
    births = (population.birth[council.child], population.birth[icb.child])
    return Dataset(f"generator, {scenario}", sides, Twins((council.child, icb.child), births))


def febrl(folder: Path) -> Dataset:
    """``a.csv`` and ``b.csv``: rows with the same ``ent_id`` are one person. Names, date of birth, postcode."""
    a, b = folder / "a.csv", folder / "b.csv"
    entities = [_column(path, "ent_id") for path in (a, b)]
    ids = [_column(path, "rec_id") for path in (a, b)]
    of_entity = dict(zip(entities[1], ids[1], strict=True))
    pairs = [(one, of_entity[entity]) for entity, one in zip(entities[0], ids[0], strict=True) if entity in of_entity]
    with TemporaryDirectory() as scratch:
        columns = write_columns(FEBRL_COLUMNS, Path(scratch) / "columns.toml")
        truth = Path(scratch) / "truth.csv"
        truth.write_text("id_a,id_b\n" + "".join(f"{one},{other}\n" for one, other in pairs), encoding="utf-8")
        return Dataset("febrl", _read(a, b, columns, truth))


def historical(folder: Path) -> Dataset:
    """``a.csv``, ``b.csv``, ``columns.toml`` and ``truth.csv``."""
    sides = _read(folder / "a.csv", folder / "b.csv", folder / "columns.toml", folder / "truth.csv")
    return Dataset("historical-dev", sides)


def _read(a: Path, b: Path, columns: Path, truth: Path) -> Sides:
    return read_sides(DemoFiles(a, columns, b, columns, truth, 0, 0, 0))


def _column(path: Path, header: str) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row[header].strip() for row in csv.DictReader(file, skipinitialspace=True)]


def every(rows: int, data: Path | None) -> Iterator[Dataset]:
    """The sets of a folder, where one is given, and made-up children with few and with many errors."""
    if data is not None:
        yield febrl(data / "febrl")
        yield historical(data / "historical-dev")
    for scenario in ("low", "high"):
        yield generated(rows, scenario)
