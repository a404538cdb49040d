"""What one holder hands in: its share of the children, as it wrote them down, in the file that its system makes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from services.rehearsal.chance import Mask, Names, some
from services.rehearsal.children import Population
from services.rehearsal.dirt import Written, write_down
from services.rehearsal.gaps import gaps
from services.rehearsal.habits import spelt_names, spelt_postcodes
from services.rehearsal.holder_specs import HolderSpec
from services.rehearsal.rates import SCENARIOS

PLACEHOLDER_FORENAMES = np.array(["Baby", "Baby Boy", "Baby Girl", "Infant"])
NO_UPN = np.array(["", "", "", "UN1", "UN7"])
"""What stands for a UPN that is not known: nothing, or a code of the SEN2 return."""


@dataclass(frozen=True, repr=False)
class Extract:
    """One holder's file and what is true of it. ``table``: every column a string or a whole number, as in the file.

    ``row_ids``, ``child`` (the number of the child in the population), ``address`` (as in ``dirt.Written``) and each
    mask of ``faults`` have one entry per row, in the file's order. ``faults`` has the names of ``dirt.Written``,
    ``missing_<field>`` and ``baby_without_forename``.
    """

    holder: HolderSpec
    table: pa.Table
    row_ids: Names
    child: NDArray[np.int64]
    address: NDArray[np.int64]
    faults: Mapping[str, Mask]

    def __len__(self) -> int:
        return len(self.child)

    def __repr__(self) -> str:
        return f"Extract(holder={self.holder.name!r}, rows={len(self)})"


def draw_extract(
    population: Population, *, holder: HolderSpec, rows: int, scenario: str, rng: np.random.Generator
) -> Extract:
    """Return an extract of exactly ``rows`` children, each once, in no order.

    Raises ValueError if the holder covers fewer children, and KeyError if there is no such scenario.
    """
    child = _covered(population, holder, rows, rng)
    rates = SCENARIOS[scenario]
    written = write_down(population, child, rates=rates, scripts=holder.habits.accents, rng=rng)
    row_ids = _row_ids(rows, holder.row_id, rng)
    fields = _spelt(population, child, written, holder, rng)
    absent = _absent(population, child, holder, rng)
    columns: dict[str, NDArray[np.generic]] = {}
    for name, header in holder.columns.items():
        blank = _blank(population, child, holder, name, rng)
        columns[header] = row_ids if name == "id" else np.where(absent[name], blank, fields[name])
    columns |= holder.attributes(population, child, rng)
    faults = {**written.faults, **{f"missing_{name}": mask for name, mask in absent.items()}}
    if "forename" in absent:
        faults["baby_without_forename"] = absent["forename"] & (population.age[child] < 1)
    table = pa.table({header: pa.array(values) for header, values in columns.items()})
    return Extract(holder, table, row_ids, child, written.address, faults)


def _covered(population: Population, holder: HolderSpec, rows: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw ``rows`` children by the holder's weights; households lean the same way, so siblings come together."""
    weight = holder.coverage(population)
    if np.count_nonzero(weight) < rows:
        raise ValueError(f"{holder.name} covers fewer than {rows} children: make a larger population")
    lean = rng.normal(scale=0.8, size=int(population.household[-1]) + 1 if len(population) else 0)
    with np.errstate(divide="ignore"):
        keys = np.log(weight) + rng.gumbel(size=len(population)) + lean[population.household]
    return np.asarray(rng.permutation(np.argsort(-keys, kind="stable")[:rows]))


def _row_ids(rows: int, prefix: str, rng: np.random.Generator) -> Names:
    """Return ids of a prefix and seven digits, distinct and in no order."""
    return np.strings.add(prefix, (rng.choice(9_000_000, size=rows, replace=False) + 1_000_000).astype("U7"))


def _absent(
    population: Population, child: NDArray[np.int64], holder: HolderSpec, rng: np.random.Generator
) -> dict[str, Mask]:
    """Return per identifier of the holder which rows lack it."""
    age = population.age[child]
    names = [name for name in holder.columns if name != "id"]
    absent = gaps(population, child, {name: holder.missing.get(name, 0.0) for name in names}, rng=rng)
    if "upn" in absent:
        absent["upn"] |= (age < holder.upn_ages[0]) | (age > holder.upn_ages[1])
    if "forename" in absent:
        absent["forename"] |= (age < 1) & some(len(child), holder.unnamed_infants, rng)
    return absent


def _blank(
    population: Population, child: NDArray[np.int64], holder: HolderSpec, name: str, rng: np.random.Generator
) -> Names:
    """Return what stands in the file where a value is missing: nothing, a code, or for infants a word."""
    if name == "sex":
        return np.full(len(child), holder.codes[2])
    if name == "upn":
        return rng.choice(NO_UPN, size=len(child))
    if name == "forename":
        return np.where(population.age[child] < 1, rng.choice(PLACEHOLDER_FORENAMES, size=len(child)), "")
    return np.full(len(child), "")


def _spelt(
    population: Population,
    child: NDArray[np.int64],
    written: Written,
    holder: HolderSpec,
    rng: np.random.Generator,
) -> dict[str, Names]:
    girl, boy, _ = holder.codes
    born = written.date_of_birth.astype("U10")
    number = written.nhs_number
    if holder.day_first:
        born = np.array([f"{day[8:]}/{day[5:7]}/{day[:4]}" for day in born.tolist()], dtype=np.str_)
    if holder.spaced_nhs_number:
        number = np.array([f"{n[:3]} {n[3:6]} {n[6:]}" for n in number.tolist()], dtype=np.str_)
    return {
        "forename": spelt_names(written.forename, holder.habits, rng=rng),
        "surname": spelt_names(written.surname, holder.habits, rng=rng),
        "sex": np.where(written.sex == "F", girl, boy),
        "date_of_birth": born,
        "postcode": spelt_postcodes(written.postcode, holder.habits, rng=rng),
        "nhs_number": number,
        "upn": population.upn[child],
    }
