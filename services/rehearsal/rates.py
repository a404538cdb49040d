"""Published rates at which two records of one child disagree, in scenarios.

Rates are shares of pairs of records, as studies report them. Each of two extracts is soiled on its own, so each gets
the share that makes a pair disagree at the published rate. Where no study gives a figure, ours is in the generator's
documentation as a choice.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rates:
    """Shares of pairs of records of one child that disagree; ``halves`` are shares of names of two parts only, and
    ``date_in_one_part`` of wrong dates of birth those wrong in one of day, month and year.

    ``no_fixed_abode`` and ``wrong_nhs_number`` are shares of one extract's rows; ``own_script`` too, of
    rows whose names are known in another script.
    """

    surname_girls: float
    surname_boys: float
    surname_partly: float
    forename: float
    forename_partly: float
    halves: float
    swapped: float
    date_of_birth: float
    date_in_one_part: float
    sex: float
    postcode: float
    postcode_partly: float
    no_fixed_abode: float
    wrong_nhs_number: float
    own_script: float


SCENARIOS: Mapping[str, Rates] = {
    "low": Rates(
        surname_girls=0.057,
        surname_boys=0.013,
        surname_partly=0.018,
        forename=0.006,
        forename_partly=0.018,
        halves=0.10,
        swapped=0.0019,
        date_of_birth=0.0049,
        date_in_one_part=0.93,
        sex=0.0033,
        postcode=0.10,
        postcode_partly=0.0097,
        no_fixed_abode=0.002,
        wrong_nhs_number=0.0,
        own_script=0.02,
    ),
    "high": Rates(
        surname_girls=0.158,
        surname_boys=0.158,
        surname_partly=0.03,
        forename=0.03,
        forename_partly=0.093,
        halves=0.30,
        swapped=0.0038,
        date_of_birth=0.0098,
        date_in_one_part=0.93,
        sex=0.0066,
        postcode=0.30,
        postcode_partly=0.0194,
        no_fixed_abode=0.004,
        wrong_nhs_number=0.001,
        own_script=0.05,
    ),
    "hard": Rates(
        surname_girls=0.18,
        surname_boys=0.18,
        surname_partly=0.12,
        forename=0.10,
        forename_partly=0.25,
        halves=0.50,
        swapped=0.05,
        date_of_birth=0.10,
        date_in_one_part=0.30,
        sex=0.03,
        postcode=0.30,
        postcode_partly=0.05,
        no_fixed_abode=0.02,
        wrong_nhs_number=0.02,
        own_script=0.50,
    ),
}
"""``low``: two extracts of the same year. ``high``: records kept over a childhood, or never brought up to date.
``hard`` is like no real extract: every hard case is often enough to be counted."""


def of_each(rate: float) -> float:
    """Return the share that each of two extracts gets wrong, in its own way, so that ``rate`` of pairs disagree."""
    return 1.0 - math.sqrt(1.0 - rate)


def out_of_date(rate: float, spread: float = 2.0) -> float:
    """Return the share of each of two extracts with a former value, so that ``rate`` (at most 1 / ``spread``) disagree.

    Where both have a former value they agree with a chance of ``spread - 1``: surely where there is but one. Where
    some children are out of date ``f`` times as often as the average, ``spread`` is the mean of ``f * f`` times one
    more than that chance.
    """
    return (1.0 - math.sqrt(1.0 - spread * rate)) / spread
