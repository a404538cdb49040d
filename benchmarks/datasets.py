"""Rows of two holders whose truth is known: files given, or made-up children."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.groups import Made
from benchmarks.judging import Ranked, Twins
from benchmarks.simulation import OTHERS_PER_ROW, Sides, read_sides
from benchmarks.three import three_holders
from services.rehearsal.demo_files import DemoFiles, draw_demo, write_columns, write_drawn
from services.rehearsal.name_lists import NameLists

FEBRL_COLUMNS = {
    "id": "rec_id",
    "forename": "given_name",
    "surname": "surname",
    "date_of_birth": "date_of_birth",
    "postcode": "postcode",
}

NATIONAL = ("id", "date_of_birth", "sex", "postcode", "nhs_number")
"""What CSDS and MHSDS have."""
OF_FILES = ("febrl", "historical-dev")
USUAL = (*OF_FILES, "generator, low", "generator, high", "generator, hard", "no names, low", "three holders, low")
NAMES = (*USUAL, "no names, high", "three holders, high")


@dataclass(frozen=True, repr=False)
class Dataset:
    """``twins`` and ``made`` are known of made-up children alone. ``beside``: links that were made in another way."""

    name: str
    sides: Sides
    twins: Twins | None = None
    made: Made | None = None
    beside: Mapping[str, Ranked] = field(default_factory=dict)


def generated(
    rows: int, scenario: str, seed: int = 3, lists: NameLists | None = None, *, names: bool = True
) -> Dataset:
    """Made-up children: ``rows`` of a council, and ``OTHERS_PER_ROW`` times as many of a care board.

    Without ``names`` both have date of birth, sex, postcode and NHS number alone, as national extracts do.
    """
    population, council, icb = draw_demo(
        seed=seed, council_rows=rows, icb_rows=OTHERS_PER_ROW * rows, scenario=scenario, names=lists
    )
    with TemporaryDirectory() as folder:
        files = write_drawn(Path(folder), council, icb)
        if not names:
            for extract, path in ((council, files.council_columns), (icb, files.icb_columns)):
                fields = {one: header for one, header in extract.holder.columns.items() if one in NATIONAL}
                write_columns(fields, path)
        sides = read_sides(files)
    births = (population.birth[council.child], population.birth[icb.child])
    twins = Twins((council.child, icb.child), births)
    return Dataset(f"{'generator' if names else 'no names'}, {scenario}", sides, twins, Made(population, council, icb))


def three(rows: int, scenario: str, seed: int, lists: NameLists | None) -> Iterator[Dataset]:
    """Each two of three holders, beside what linking all three together makes of them."""
    for which, sides, twins, made, ranked in three_holders(rows, scenario, seed, lists):
        yield Dataset(f"three holders, {scenario}: {which}", sides, twins, made, {"ours, all three": ranked})


def datasets(name: str, rows: int, data: Path | None, seed: int, lists: NameLists | None) -> Iterator[Dataset]:
    """Those of one of ``NAMES``; none where it is of files and no folder ``data`` is given."""
    kind, _, scenario = name.partition(", ")
    if kind in OF_FILES:
        if data is not None:
            yield {"febrl": febrl, "historical-dev": historical}[kind](data / kind)
    elif kind == "three holders":
        yield from three(rows, scenario, seed, lists)
    else:
        yield generated(rows, scenario, seed, lists, names=kind == "generator")


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
