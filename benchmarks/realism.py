"""How like real extracts the made-up ones are: each rate that is published, and what the generator comes to.

``python -m benchmarks.realism --json``: one population, extracts of three holders in each scenario, and all true pairs
of their records. A share stands beside its 99 % interval (Wilson 1927), for as many independent pairs as those at hand
are worth: households move and change names as one, so the variance is that between households.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from benchmarks.printing import markdown
from services.rehearsal.chance import Mask
from services.rehearsal.children import Population, make_children
from services.rehearsal.demo_files import REFERENCE_DAY
from services.rehearsal.extracts import Extract, draw_extract
from services.rehearsal.holder_specs import COUNCIL, ICB, SOCIAL_CARE
from services.rehearsal.truth import groups_of, true_links

HOLDERS = (COUNCIL, ICB, SOCIAL_CARE)
CHILDREN_PER_ROW = 3.0
CONFIDENCE = 0.99
CAMBRIDGESHIRE = "Cambridgeshire NHS records"
ALSPAC = "ALSPAC children over years"
HOSPITALS = "hospital records of children against PDS"
BIRTHS = "births in England and Wales, 2020"
OURS = "our choice"
HEADS = ("what", "scenario", "published", "aimed at", "measured, 99 % interval", "source")


@dataclass(frozen=True)
class Line:
    """A share, the one that is ``published`` or None, and the one ``aimed`` at, or None where that is another line's.

    ``of``: measured among so many; ``low`` and ``high`` end the interval.
    """

    what: str
    scenario: str
    published: float | None
    aimed: float | None
    source: str
    measured: float
    low: float
    high: float
    of: int

    @property
    def held(self) -> bool:
        """Whether what is aimed at lies in the interval."""
        return self.aimed is None or self.low <= self.aimed <= self.high


@dataclass(frozen=True, repr=False)
class Pairs:
    """True pairs of records of all pairs of holders: which are in each group, and the household of each."""

    groups: dict[str, Mask]
    household: NDArray[np.int64]


def measure(rows: int, seed: int) -> list[Line]:
    """Every line, with ``rows`` of each holder."""
    rng = np.random.default_rng(seed)
    population = make_children(int(CHILDREN_PER_ROW * rows), today=REFERENCE_DAY, rng=rng)
    lines = list(_of_children(population))
    for scenario, lines_of in (("low", _low), ("high", _high)):
        extracts = [draw_extract(population, holder=one, rows=rows, scenario=scenario, rng=rng) for one in HOLDERS]
        lines += lines_of(_pairs(population, extracts))
        lines += _of_rows(population, extracts, scenario)
    return lines


def share(mask: Mask, household: NDArray[np.int64]) -> tuple[float, float, float]:
    """The share of a mask and its interval."""
    of = len(mask)
    if of == 0:
        return 0.0, 0.0, 1.0
    value = float(mask.mean())
    residuals = np.bincount(np.unique(household, return_inverse=True)[1], weights=mask - value)
    variance = float((residuals**2).sum()) / of**2
    worth = min(of, value * (1 - value) / variance) if variance > 0 else of
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    spread = z * z / worth
    middle = value + spread / 2
    half = z * math.sqrt(value * (1 - value) / worth + spread / (4 * worth))
    return value, max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def _of_children(population: Population) -> Iterator[Line]:
    hyphenated = np.asarray(np.strings.find(population.forename, "-") > 0)
    for what, sex, rate in (("girls", "F", 0.043), ("boys", "M", 0.009)):
        mine = population.sex == sex
        measured = share(hyphenated[mine], population.household[mine])
        yield Line(f"hyphenated forenames, {what}", "", rate, rate, BIRTHS, *measured, int(mine.sum()))
    yield Line("twins", "", 0.03, 0.03, "published", *share(population.twin, population.household), len(population))


def _low(pairs: Pairs) -> Iterator[Line]:
    def line(what: str, published: float | None, aimed: float | None, source: str, *names: str, sex: str = "") -> Line:
        return _line(pairs, what, "low", published, aimed, source, names, sex)

    yield line("surname wholly different, girls", 0.057, 0.057, CAMBRIDGESHIRE, "surname_changed", sex="girls")
    yield line("surname wholly different, boys", 0.013, 0.013, CAMBRIDGESHIRE, "surname_changed", sex="boys")
    yield line("surname different in part", None, 0.018, OURS, "surname_partly")
    yield line("forename wholly different", 0.006, 0.006, CAMBRIDGESHIRE, "forename_changed")
    yield line("forename different in part", 0.018, 0.018, CAMBRIDGESHIRE, "forename_partly")
    yield line("forename and surname swapped", 0.0019, 0.0019, CAMBRIDGESHIRE, "names_swapped")
    yield line("date of birth wrong", 0.0049, 0.0049, CAMBRIDGESHIRE, "date_of_birth_wrong")
    yield line("sex wrong", 0.0033, 0.0033, CAMBRIDGESHIRE, "sex_wrong")
    yield line("sex or date of birth wrong", 0.0011, None, HOSPITALS, "sex_wrong", "date_of_birth_wrong")
    yield line("postcode wholly different", None, 0.10, f"{OURS}: a tenth of families move in a year", "moved")
    yield line("postcode different in sector or last letter", 0.0097, 0.0097, CAMBRIDGESHIRE, "postcode_partly")


def _high(pairs: Pairs) -> Iterator[Line]:
    def line(what: str, published: float | None, aimed: float | None, source: str, *names: str) -> Line:
        return _line(pairs, what, "high", published, aimed, source, names, "")

    doubled = f"{OURS}: double the low"
    yield line("surname different", 0.18, 0.18, ALSPAC, "surname_changed", "surname_partly")
    yield line("forename different", 0.12, 0.12, ALSPAC, "forename_changed", "forename_partly")
    yield line("forename and surname swapped", None, 0.0038, doubled, "names_swapped")
    yield line("date of birth wrong", None, 0.0098, doubled, "date_of_birth_wrong")
    yield line("sex wrong", None, 0.0066, doubled, "sex_wrong")
    yield line("postcode wholly different", 0.30, 0.30, CAMBRIDGESHIRE, "moved")
    yield line("postcode different in sector or last letter", None, 0.0194, doubled, "postcode_partly")
    names = ("moved", "postcode_partly", "missing_postcode", "no_fixed_abode")
    yield line("postcode wrong or missing", 0.53, None, HOSPITALS, *names)


def _line(
    pairs: Pairs,
    what: str,
    scenario: str,
    published: float | None,
    aimed: float | None,
    source: str,
    names: tuple[str, ...],
    sex: str,
) -> Line:
    mine = pairs.groups[sex] if sex else np.ones(len(pairs.household), dtype=np.bool_)
    mask = np.any([pairs.groups[name] for name in names], axis=0)[mine]
    return Line(what, scenario, published, aimed, source, *share(mask, pairs.household[mine]), len(mask))


def _of_rows(population: Population, extracts: list[Extract], scenario: str) -> Iterator[Line]:
    """What is a share of rows, and not of pairs."""
    household = np.concatenate([population.household[one.child] for one in extracts])
    nowhere = np.concatenate([one.faults["no_fixed_abode"] for one in extracts])
    rate, source = (0.002, CAMBRIDGESHIRE) if scenario == "low" else (0.004, f"{OURS}: double the low")
    published = rate if scenario == "low" else None
    what = "no fixed abode, of rows"
    yield Line(what, scenario, published, rate, source, *share(nowhere, household), len(nowhere))
    parts = [_parts_wrong(population, one) for one in extracts]
    one_part, of = np.concatenate([wrong[0] for wrong in parts]) == 1, np.concatenate([wrong[1] for wrong in parts])
    what = "of wrong dates of birth, those in one part"
    yield Line(what, scenario, 0.93, 0.93, CAMBRIDGESHIRE, *share(one_part, of), len(of))


def _parts_wrong(population: Population, extract: Extract) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many of day, month and year are wrong, of each written date that is; and the household."""
    wrong = np.flatnonzero(extract.faults["date_of_birth_wrong"] & ~extract.faults["missing_date_of_birth"])
    written = extract.table[extract.holder.columns["date_of_birth"]].take(wrong).to_pylist()
    texts = ["-".join(reversed(day.split("/"))) if extract.holder.day_first else day for day in written]
    true = population.date_of_birth[extract.child[wrong]].astype("U10").tolist()
    parts = [
        sum(a != b for a, b in zip(x.split("-"), y.split("-"), strict=True)) for x, y in zip(texts, true, strict=True)
    ]
    return np.array(parts, dtype=np.int64), population.household[extract.child[wrong]]


def _pairs(population: Population, extracts: list[Extract]) -> Pairs:
    found: list[dict[str, Mask]] = []
    households = []
    for a, b in combinations(extracts, 2):
        links = true_links(a, b)
        found.append(dict(groups_of(population, a, b, links.row_a, links.row_b)))
        households.append(population.household[links.child])
    shared = set.intersection(*(set(groups) for groups in found))
    return Pairs({name: np.concatenate([one[name] for one in found]) for name in shared}, np.concatenate(households))


def table(lines: list[Line]) -> list[str]:
    """Lines of Markdown."""
    return markdown(HEADS, [_cells(line) for line in lines])


def _cells(line: Line) -> tuple[str, ...]:
    published, aimed = (_percent(one) if one is not None else "" for one in (line.published, line.aimed))
    measured = f"{_percent(line.measured)} ({_percent(line.low)} to {_percent(line.high)})"
    return line.what, line.scenario, published, aimed, measured, line.source


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %" if value < 0.1 else f"{100 * value:.1f} %"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=30_000, help="of each of three holders")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    lines = measure(options.rows, options.seed)
    print(
        json.dumps([asdict(line) | {"held": line.held} for line in lines]) if options.json else "\n".join(table(lines))
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
