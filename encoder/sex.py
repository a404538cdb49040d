"""Sex as ``F`` or ``M``, from the codes and words in use.

Codes: NHS Data Dictionary, person stated gender and phenotypic sex; DfE common basic data set.
"""

from encoder.blanks import blank
from encoder.findings import Reading, invalid, placeholder

MEANING = {"m": "M", "male": "M", "boy": "M", "1": "M", "f": "F", "female": "F", "girl": "F", "2": "F"}
NOT_GIVEN = frozenset({"0", "9", "x", "u", "i", "unknown", "not known", "not specified", "indeterminate"})


def sex(text: str) -> Reading:
    """``F``, ``M`` or missing."""
    if (nothing := blank(text)) is not None:
        return nothing
    word = text.strip().casefold()
    if word in MEANING:
        return Reading(MEANING[word])
    if word in NOT_GIVEN:
        return placeholder("not known or neither")
    return invalid("not a code for sex")
