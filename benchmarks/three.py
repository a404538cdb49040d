"""Three holders of made-up children: a council, a care board and social care, linked together and two by two."""

from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.contenders import weighed_pairs
from benchmarks.groups import Made
from benchmarks.judging import Ranked, Twins
from benchmarks.simulation import OTHERS_PER_ROW, Sides, Simulation, encode_holder, read_holders
from matcher.exact import token_codes
from matcher.solve import PairSet, solve
from services.broker.match.weighing import weight_of
from services.rehearsal.children import make_children
from services.rehearsal.demo_files import CHILDREN_PER_ROW, REFERENCE_DAY, write_columns, write_extract
from services.rehearsal.extracts import draw_extract
from services.rehearsal.holder_specs import COUNCIL, ICB, SOCIAL_CARE
from services.rehearsal.name_lists import NameLists
from services.rehearsal.truth import true_links

HOLDERS = (COUNCIL, ICB, SOCIAL_CARE)


def three_holders(
    rows: int, scenario: str, seed: int, names: NameLists | None
) -> list[tuple[str, Sides, Twins, Made, Ranked]]:
    """For every two of them: their names, rows, and links as the three together are linked, at the own threshold.

    ``rows`` of the council and of social care, and ``OTHERS_PER_ROW`` times as many of the care board.
    """
    rng = np.random.default_rng(seed)
    sizes = (rows, OTHERS_PER_ROW * rows, rows)
    population = make_children(int(CHILDREN_PER_ROW * sum(sizes[:2])) + 100, today=REFERENCE_DAY, rng=rng, names=names)
    extracts = [
        draw_extract(population, holder=holder, rows=size, scenario=scenario, rng=rng)
        for holder, size in zip(HOLDERS, sizes, strict=True)
    ]
    called = [holder.name for holder in HOLDERS]
    with TemporaryDirectory() as folder:
        files = [write_extract(one, Path(folder) / f"{one.holder.name}.csv") for one in extracts]
        columns = [write_columns(one.holder.columns, Path(folder) / f"{one.holder.name}.toml") for one in extracts]
        terms, read = read_holders(called, files, columns)
    identifiers = [one.identifiers for one in read]
    encodings = [encode_holder(one, name, terms) for name, one in zip(called, identifiers, strict=True)]
    scored, sides = [], {}
    for a, b in combinations(range(len(HOLDERS)), 2):
        links = true_links(extracts[a], extracts[b])
        truth = np.sort((links.row_a.astype(np.int64) << 32) | links.row_b)
        sides[a, b] = Sides(terms, (identifiers[a], identifiers[b]), truth, (called[a], called[b]))
        both = Simulation(terms, sides[a, b].rows, sides[a, b].identifiers, [encodings[a], encodings[b]], truth)
        pairs = weighed_pairs(both)
        scored.append(PairSet(a, b, pairs.left, pairs.right, pairs.weight))
    codes = token_codes(encodings, terms.numbers, [one.rows for one in identifiers])
    together = solve(scored, weight_of(terms.decision.match), codes=codes)
    found = []
    for (a, b), one in sides.items():
        left, right = together.between(a, b)
        joined = np.sort((left << 32) | right)
        children = (extracts[a].child, extracts[b].child)
        births = (population.birth[children[0]], population.birth[children[1]])
        made = Made(population, extracts[a], extracts[b])
        ranked = Ranked(joined, np.zeros(len(joined)), 0.0)
        found.append((f"{called[a]} and {called[b]}", one, Twins(children, births), made, ranked))
    return found
