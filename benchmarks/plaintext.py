"""Splink on the same normalised rows in plain text: what linkage reaches where nobody has to hide anything."""

import re
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.judging import Ranked
from benchmarks.simulation import Sides
from encoder.identifiers import Identifiers
from matcher.solve import PairSet, solve

MISSING = (
    "Splink is not installed, so it is left out. Install it with "
    "python -m pip install --require-hashes -r requirements-bench.lock, as make bench does."
)
THRESHOLD = 0.5
UK_POSTCODE = re.compile("[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}", re.IGNORECASE)
RULES = (
    ("nhs_number",),
    ("forename", "surname"),
    ("date_of_birth",),
    ("postcode",),
    ("surname", "year"),
    ("forename", "year"),
    ("surname", "day", "month"),
    ("forename", "day", "month"),
)
"""Pairs that agree in all fields of a rule are compared."""
CERTAIN = (("nhs_number",), ("forename", "surname", "date_of_birth"), ("forename", "date_of_birth", "postcode"))
"""Pairs that agree so are nearly all matches, and this share of all matches agrees so."""
CERTAIN_RECALL = 0.7
TRAINING = (("forename", "surname"), ("date_of_birth",))
TRAINING_WITHOUT_NAMES = (("postcode",), ("date_of_birth",))


def installed() -> bool:
    """Whether there is a Splink to measure."""
    return find_spec("splink") is not None


def splink(sides: Sides, *, names_together: bool) -> Ranked:
    """A model trained without truth, as Splink's documentation advises, and one-to-one links by falling probability.

    ``names_together``: one comparison of both names, which knows swapped ones; else one of each, which copes with
    missing ones. Without names it makes no difference.
    """
    package, comparisons = import_module("splink"), import_module("splink.comparison_library")
    tables = [_table(one, start) for one, start in zip(sides.identifiers, (0, sides.rows[0]), strict=True)]
    have = set(tables[0].column_names) & set(tables[1].column_names)
    tables = [table.select([name for name in table.column_names if name in have]) for table in tables]
    database = package.DuckDBAPI()

    def rules(fields: tuple[tuple[str, ...], ...]) -> list[Any]:
        return [package.block_on(*one) for one in fields if set(one) <= have]

    settings = package.SettingsCreator(
        link_type="link_only",
        comparisons=_comparisons(comparisons, tables, names_together),
        blocking_rules_to_generate_predictions=rules(RULES),
        retain_matching_columns=False,
    )
    linker = package.Linker([database.register(table) for table in tables], settings, log_level="ERROR")
    training = linker.training
    training.estimate_probability_two_random_records_match(rules(CERTAIN), recall=CERTAIN_RECALL)
    training.estimate_u_using_random_sampling(max_pairs=5e6, seed=1)
    for rule in rules(TRAINING if "forename" in have else TRAINING_WITHOUT_NAMES):
        training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict().as_pyarrow_table()
    ends = [found["unique_id_l"].to_numpy(), found["unique_id_r"].to_numpy()]
    left, right = np.minimum(*ends), np.maximum(*ends) - sides.rows[0]
    weight = found["match_weight"].to_numpy().astype(np.float64)
    links = solve([PairSet(0, 1, left, right, weight)], -np.inf).between(0, 1)
    pairs, joined = (left << 32) | right, (links[0] << 32) | links[1]
    order = np.argsort(pairs)
    chosen = order[np.searchsorted(pairs, joined, sorter=order)]
    return Ranked(joined, weight[chosen], float(np.log2(THRESHOLD / (1 - THRESHOLD))))


def _comparisons(library: Any, tables: list[pa.Table], names_together: bool) -> list[Any]:
    have = tables[0].column_names
    made = [library.DateOfBirthComparison("date_of_birth", input_is_string=True)]
    if "forename" not in have:
        pass
    elif names_together:
        concatenated = {"forename_surname_concat_col_name": "full_name"}
        made.append(library.ForenameSurnameComparison("forename", "surname", **concatenated))
    else:
        made += [library.NameComparison("forename"), library.NameComparison("surname")]
    if "postcode" in have:
        british = any(UK_POSTCODE.fullmatch(text or "") for text in tables[0]["postcode"].to_pylist())
        made.append(
            library.PostcodeComparison("postcode") if british else library.LevenshteinAtThresholds("postcode", [1, 2])
        )
    return [*made, *(library.ExactMatch(name) for name in ("sex", "nhs_number") if name in have)]


def _table(identifiers: Identifiers, start: int) -> pa.Table:
    """Text columns, null where missing, and ``unique_id`` which counts from ``start``."""
    columns = {
        name: np.array(one.values, dtype=object)[one.codes]
        for name, one in identifiers.columns.items()
        if name not in ("names", "upn")
    }
    columns["postcode"] = np.array([_spaced(text) for text in columns["postcode"]], dtype=object)
    if {"forename", "surname"} <= columns.keys():
        whole = (columns["forename"] != "") & (columns["surname"] != "")
        columns["full_name"] = np.where(whole, columns["forename"] + " " + columns["surname"], "")
    texts = {name: pa.array([text or None for text in column], pa.string()) for name, column in columns.items()}
    return pa.table({"unique_id": np.arange(start, start + identifiers.rows), **texts})


def _spaced(postcode: str) -> str:
    short = postcode.replace(" ", "")
    return f"{short[:-3]} {short[-3:]}" if len(short) >= 5 else short
