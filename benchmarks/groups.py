"""Kinds of children and hard cases, for links of made-up children."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulation import Joined, ends
from services.rehearsal.children import Population
from services.rehearsal.extracts import Extract
from services.rehearsal.truth import groups_of, never_linked

SUBGROUPS: Mapping[str, tuple[str, ...]] = {
    "all children": (),
    "aged 0 to 4": ("age_0_4",),
    "aged 5 to 10": ("age_5_10",),
    "aged 11 to 15": ("age_11_15",),
    "aged 16 to 25": ("age_16_25",),
    "girls": ("girls",),
    "boys": ("boys",),
    "postcode missing": ("missing_postcode", "no_fixed_abode"),
    "NHS number missing": ("missing_nhs_number",),
    "hyphenated names": ("hyphenated",),
    "White British": ("ethnicity_WBRI",),
    "other White": ("ethnicity_WOTH",),
    "Asian": ("ethnicity_APKN", "ethnicity_ABAN", "ethnicity_AIND", "ethnicity_CHNE"),
    "Black": ("ethnicity_BAFR", "ethnicity_BCRB"),
    "mixed and other": ("ethnicity_MOTH", "ethnicity_OOTH"),
    "families that move often": ("mobile",),
    "twins and triplets, both in the files": ("twin_in_files",),
}
"""What a table says, and the groups of ``truth.groups_of`` that it is any of."""
HARD_CASES: Mapping[str, tuple[str, ...]] = {
    "nickname or other form": ("nickname",),
    "other transliteration": ("transliterated",),
    "name in its own script": ("own_script",),
    "initial only": ("initial_only",),
    "half of a name of two parts": ("half_a_name",),
    "forename and surname swapped": ("names_swapped",),
    "another forename": ("forename_changed",),
    "another surname": ("surname_changed",),
    "day and month swapped": ("day_and_month_swapped",),
    "estimated date of birth": ("estimated_date",),
    "any wrong date of birth": ("date_of_birth_wrong",),
    "wrong sex": ("sex_wrong",),
    "another address": ("moved",),
    "slip in the postcode": ("postcode_partly",),
    "no fixed abode": ("no_fixed_abode",),
    "postcode missing": ("missing_postcode",),
    "forename missing": ("missing_forename",),
    "baby without a forename": ("baby_without_forename",),
    "NHS number of a sibling": ("nhs_number_of_another",),
    "born on 1 January": ("born_on_1_january",),
    "triplets": ("triplet",),
    "namesakes": ("namesake",),
    "adopted children": ("adopted",),
}
WITHOUT_NUMBER = ", NHS number missing"
"""After a hard case: those of it in which either record lacks the NHS number."""


class GroupCounts(NamedTuple):
    """Of one group: true links, links, and those that are both."""

    true_links: int
    links: int
    right: int


@dataclass(frozen=True, repr=False)
class Made:
    """Made-up children and the two extracts that were linked; row ``i`` of a side is row ``i`` of its extract."""

    population: Population
    a: Extract
    b: Extract

    @property
    def never(self) -> Joined:
        """Pairs of rows of one child before and after an adoption, which must not be linked."""
        left, right = never_linked(self.population, self.a, self.b)
        return np.sort((left.astype(np.int64) << 32) | right)

    def masks(self, joined: Joined) -> dict[str, NDArray[np.bool_]]:
        """Which of these pairs are in each of ``SUBGROUPS`` and ``HARD_CASES``; the latter also without a number."""
        groups = groups_of(self.population, self.a, self.b, *ends(joined))
        everyone = np.ones(len(joined), dtype=np.bool_)
        found = {
            label: np.any([groups[name] for name in names], axis=0) if names else everyone
            for label, names in {**SUBGROUPS, **HARD_CASES}.items()
        }
        without = groups["missing_nhs_number"]
        return found | {label + WITHOUT_NUMBER: found[label] & without for label in ("all children", *HARD_CASES)}

    def counts(self, links: Joined, truth: Joined) -> dict[str, GroupCounts]:
        """What is counted of each group. Whose link a false one is, the row of the first holder says."""
        of_truth, of_links = self.masks(truth), self.masks(links)
        right = np.isin(links, truth)
        return {
            label: GroupCounts(int(of_truth[label].sum()), int(mask.sum()), int((mask & right).sum()))
            for label, mask in of_links.items()
        }
