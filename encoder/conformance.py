"""Sixty-four fixed made-up rows, encoded by every holder: equal digests prove equal secret, rules and code.

The rows go through normalising like any others, so a holder whose normalising differs is found out before
anything is compared. They are part of the protocol: changing one changes the digest of every agreement.

Where the agreement transliterates names or joins forms of forenames, the rows cannot show that the tables are the
same: they hold few of their letters and forms, and a child's name may have any. So the digest also covers each whole
table, whatever its version is called.
Where the agreement has control rows, the digest covers those of all holders too.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import date

import numpy as np
import pyarrow as pa

from encoder.columns import Columns
from encoder.control_rows import control_digest
from encoder.forename_forms import forms_digest
from encoder.match_keys import encoders
from encoder.normalise import normalise
from encoder.read import Batch
from encoder.scripts import table_digest
from keys.derive import Label, subkey
from keys.secret import Secret
from keys.terms import Terms

ROWS = 64
_NAMES = ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number", "upn")
_COLUMNS = Columns.model_validate({name: name for name in _NAMES})
_TODAY = date(2026, 1, 1)
_FORENAMES = (
    *("Zoë", "mary-jane", " O'Neil ", "Anna Maria", "Søren", "X", "ALEXANDER", "Ng", "baby", "Łukasz", "Éloïse"),
    *("محمد", "Юлия", "गीता", "秀英", "M\N{CYRILLIC SMALL LETTER A}ry", "עמר"),
)
_SURNAMES = (
    *("Smith", "Smith-Jones", "d'Arcy", "van der Berg", "Öztürk", "MacDonald", "ST. JOHN", "Ó Súilleabháin", ""),
    *("Παπαδοπούλου", "ਸਿੰਘ", "চৌধুরী-Khan", "김"),
)
_SEXES = ("F", "M", "1", "2", "female", "X", "")
_DATES = ("2012-02-29", "2015-12-31", "2009-01-01", "2020-07-04", "1900-01-01", "", "2011-11-30")
_POSTCODES = ("AB1 2CD", "ab12cd", "ZZ99 3VZ", "SW1A 9ZZ", "", "M1 1AA")


def conformance_digest(terms: Terms, secret: Secret) -> str:
    """HMAC-SHA256, 64 hexadecimal digits, over the encodings of the rows under every match-key of the terms, and before
    them, where names are transliterated or forms of forenames joined, over the tables that this is done by, and over
    the control rows, if any."""
    identifiers = normalise([_rows()], _COLUMNS, rules=terms.normalisation, today=_TODAY).identifiers
    tag = hmac.new(subkey(secret, Label.CONFORMANCE), digestmod=hashlib.sha256)
    if terms.normalisation.other_scripts == "transliterate":
        tag.update(b"other scripts\0" + bytes.fromhex(table_digest()))
    if terms.normalisation.forename_variants == "join":
        tag.update(b"forename variants\0" + bytes.fromhex(forms_digest()))
    if terms.control.rows:
        tag.update(b"control rows\0" + control_digest(terms, secret))
    for encoder in encoders(terms.match_keys, terms=terms, secret=secret):
        encoded = encoder.encode(identifiers)
        tag.update(encoder.key.name.encode() + b"\0" + encoded.present.astype(np.uint8).tobytes())
        tag.update(encoded.bits.tobytes())
    return tag.hexdigest()


def _rows() -> Batch:
    def cycle(values: tuple[str, ...]) -> list[str]:
        return [values[row % len(values)].strip() for row in range(ROWS)]

    values = {
        "forename": cycle(_FORENAMES),
        "surname": cycle(_SURNAMES),
        "sex": cycle(_SEXES),
        "date_of_birth": cycle(_DATES),
        "postcode": cycle(_POSTCODES),
        "nhs_number": [_nhs_number(row) if row % 5 else "" for row in range(ROWS)],
        "upn": [_upn(row) if row % 3 else "" for row in range(ROWS)],
    }
    return Batch(
        source="conformance rows",
        rows=np.arange(2, ROWS + 2),
        ids=pa.array([str(row) for row in range(ROWS)]),
        values={name: pa.array(column) for name, column in values.items()},
    )


def _nhs_number(row: int) -> str:
    """A number of the test range, 9xx, some with spaces. About every eleventh has no valid check digit."""
    digits = f"9{row:08d}"
    check = 11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True)) % 11
    number = digits + str(check % 11 % 10)
    return f"{number[:3]} {number[3:6]} {number[6:]}" if row % 2 else number


def _upn(row: int) -> str:
    """A number of a school that is not, written in several ways, or one that is not known or has a wrong letter."""
    body = f"{801200000000 + row:012d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, range(2, 14), strict=True))
    number = "ABCDEFGHJKLMNPQRTUVWXYZ"[total % 23] + body
    return (number, number.lower(), f"{number[:4]} {number[4:]}", "UN3", "A" + body)[row % 5]
