"""The outcome of a run in words."""

from typing import Any

import pytest

from encoder.outcome import tell
from keys.template import default_terms

FIELDS = ("forename", "surname", "date_of_birth", "postcode", "nhs_number")
NAMES = ("council", "icb", "care")
HIDDEN = "not shown (fewer than 8, or nearly all rows of a holder)"
SAID: dict[str, Any] = {"possible_links": None, "left_out": [], "match_keys": ["nhs-number", "names"], "threshold": 0.5}
REST = [f"possible links: {HIDDEN}", "match-keys: nhs-number, names", "linked from a probability of 0.5 on"]


def told(outcome: dict[str, Any], holders: int, release: str, **changes: Any) -> list[str]:
    return tell({**SAID, **outcome}, default_terms(dict.fromkeys(NAMES[:holders], FIELDS), release=release, **changes))


@pytest.mark.parametrize("release", ["blind", "open"])
def test_links_of_a_release_that_gives_rows_back(release: str) -> None:
    assert told({"links": 12_345}, 2, release) == ["links: 12,345 (to the nearest 5)", *REST]
    assert told({"links": None}, 2, release) == [f"links: {HIDDEN}", *REST]


def test_overlaps_of_two_holders() -> None:
    shown = {"overlaps": [{"holders": ["council", "icb"], "links": 430}]}
    assert told(shown, 2, "count") == ["children known to council and icb: 430 (to the nearest 5)", *REST]
    assert told({"overlaps": []}, 2, "count") == [f"children known to council and icb: {HIDDEN}", *REST]


def test_overlaps_of_three_holders_say_that_they_are_of_no_other() -> None:
    pair, every = {"holders": ["council", "icb"], "links": 430}, {"holders": list(NAMES), "links": 20}
    assert told({"overlaps": [pair, every]}, 3, "count")[:3] == [
        "children known to council and icb only: 430 (to the nearest 5)",
        "children known to council, icb and care: 20 (to the nearest 5)",
        f"children known to any other set of holders: {HIDDEN}",
    ]
    assert told({"overlaps": []}, 3, "count")[0] == f"children known to any set of holders: {HIDDEN}"
    sets = [{"holders": list(of), "links": 10} for of in (NAMES[:2], NAMES[1:], (NAMES[0], NAMES[2]), NAMES)]
    assert len(told({"overlaps": sets}, 3, "count")) == 4 + len(REST)


def test_a_rule_that_rounds_nothing_says_exact_numbers() -> None:
    assert told({"links": 12}, 2, "blind", suppression={"below": 3, "round_to": 1})[0] == "links: 12"


def test_match_keys_whose_common_values_were_left_out_are_named() -> None:
    lines = told({"links": 50, "left_out": ["nhs-number"]}, 2, "blind")
    said = "match-key nhs-number: pairs were left out, of values that very many rows share or of too many weak ones"
    assert said in lines
