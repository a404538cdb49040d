"""NHS numbers and UPNs whose check characters hold.

NHS number: NHS Data Dictionary, modulus 11. UPN: DfE, UPN guide, modulus 23.
"""

import re
import unicodedata
from operator import mul

from encoder.blanks import blank
from encoder.findings import Reading, invalid, placeholder

UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
UPN_UNKNOWN = frozenset({"UN1", "UN2", "UN3", "UN4", "UN5", "UN6", "UN7"})
NHS_WEIGHTS = range(10, 1, -1)
UPN_WEIGHTS = range(2, 13)
TEN_DIGITS = re.compile(r"[0-9]{10}")
NINE_DIGITS = re.compile(r"[0-9]{9}")
ROUNDED = re.compile(r"[0-9](?:\.[0-9]+)?[Ee]\+?[0-9]+")
UPN_FORM = re.compile(r"[A-Z][0-9]{11}[0-9A-Z]")

ZERO_LOST = "nine digits: a leading zero may be lost"
DIGITS_LOST = "rounded by a spreadsheet, as in 4.01E+09"


def nhs_number(text: str) -> Reading:
    """Ten digits with a valid check digit, not all alike."""
    if (nothing := blank(text)) is not None:
        return nothing
    number = _compact(text)
    if not TEN_DIGITS.fullmatch(number):
        return _not_ten_digits(number)
    if len(set(number)) == 1:
        return placeholder("one digit ten times")
    total = sum(map(mul, NHS_WEIGHTS, map(int, number)))
    if (11 - total % 11) % 11 != int(number[9]):  # a check digit of 10 never equals one digit
        return invalid("wrong check digit")
    return Reading(number)


def upn(text: str) -> Reading:
    """A permanent unique pupil number: a check letter and twelve digits."""
    if (nothing := blank(text)) is not None:
        return nothing
    number = _compact(text).upper()
    if number in UPN_UNKNOWN:
        return placeholder("UN1 to UN7: not known")
    if not UPN_FORM.fullmatch(number):
        return invalid("not a letter and twelve digits")
    last = UPN_LETTERS.find(number[12]) if number[12].isalpha() else int(number[12])
    total = sum(map(mul, UPN_WEIGHTS, map(int, number[1:12]))) + 13 * last
    if last < 0 or UPN_LETTERS[total % 23] != number[0]:
        return invalid("wrong check letter")
    if number[12].isalpha():
        return placeholder("a temporary UPN")
    return Reading(number)


def _not_ten_digits(number: str) -> Reading:
    if NINE_DIGITS.fullmatch(number):
        return invalid(ZERO_LOST)
    if ROUNDED.fullmatch(number):
        return invalid(DIGITS_LOST)
    return invalid("not ten digits")


def _compact(text: str) -> str:
    """Without spaces and hyphens of any kind, full-width digits as plain ones."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    text = "".join(text.split())
    if text.isascii():
        return text.replace("-", "")
    return "".join(c for c in text if unicodedata.category(c) != "Pd")
