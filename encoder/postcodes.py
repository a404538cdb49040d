"""Postcodes of any country in one spelling, with the rules that hold for British ones.

Shape and sentinels: NHS Postcode Directory (ZZ99 pseudo-postcodes); inward letters: Royal Mail, PAF guide.
"""

import re
import unicodedata

from encoder.blanks import blank
from encoder.findings import Kind, Reading, invalid, placeholder

SHORTEST = 3
FOREIGN = "not the form of a British postcode"
BRITISH = re.compile(r"(?:GIR0AA|[A-Z]{1,2}[0-9][0-9A-Z]?[0-9][ABD-HJLNP-UW-Z]{2})")


def postcode(text: str) -> Reading:
    """Upper case letters and digits without spaces, the last three being the inward part of a British one."""
    if (nothing := blank(text)) is not None:
        return nothing
    code = re.sub(r"[^A-Z0-9]", "", unicodedata.normalize("NFKD", text).upper())
    if code.startswith("ZZ99"):
        return placeholder("ZZ99: no fixed abode, unknown or abroad")
    if len(code) < SHORTEST:
        return invalid("fewer than three letters and digits")
    if not re.search(r"[0-9]", code):
        return invalid("no digit")
    if not BRITISH.fullmatch(code):
        return Reading(code, Kind.NOTED, FOREIGN)
    return Reading(code)
