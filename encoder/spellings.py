"""How files write the headers of identifiers, where no profile knows them.

1. A header is compared in its plain form (``profiles.plain``), with or without a word for the child in front of it:
   ``Pupil Surname`` is ``surname``. Nothing else is left out or guessed: ``formersurname``, ``mother_dob`` and
   ``preferred name`` are none of these spellings.
2. No spelling is that of two fields.
"""

from __future__ import annotations

import re

from encoder.profiles import plain

SPELLINGS = {
    "id": """id rowid recordid uniqueid uniquereference localid systemid lachildid childid pupilid personid patientid
        clientid studentid learnerid caseid localpatientid localpatientidentifier pupilonrolltableid persontableid""",
    "forename": "forename forenames firstname firstnames givenname givennames legalforename legalfirstname",
    "surname": "surname familyname lastname legalsurname legallastname",
    "sex": """sex gender gendercurrent sexcode gendercode sexatbirth birthsex phenotypicsex personphenotypicsex
        personphensex""",
    "date_of_birth": "dateofbirth dob birthdate persondob personbirthdate birthday dobirth",
    "postcode": "postcode postalcode homepostcode currentpostcode addresspostcode postcd pcode",
    "nhs_number": "nhsnumber nhsno nhsnum nhs nhsid nhsnbr",
    "upn": "upn uniquepupilnumber",
}
"""Field -> plain headers, the likelier first."""

PARTS_OF_DATE = {
    "day": "dayofbirth dobday dobd dobdd",
    "month": "monthofbirth birthmonth dobmonth dobm dobmm",
    "year": "yearofbirth birthyear dobyear doby dobyyyy",
}
"""The same for a date of birth in three columns."""

THE_CHILD = "child childs pupil pupils patient patients person persons student learner client infant baby current"
"""Words in front of a spelling that change nothing."""

NOT_THE_CHILD = """former previous prev old maiden alias preferred known mother father mum dad parent carer guardian
    sibling sister brother spouse partner foster adopt kin contact emergency worker officer doctor gp
    practice school provider organisation org placement placed pl expected death died referrer employer
    status unknown reason"""
"""Words in a header that make its column that of somebody or something else, or of an earlier time."""

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def rank(field: str, header: str) -> int | None:
    """How likely the header is that of the field, 0 for the likeliest; ``None`` if it is none of its spellings."""
    known = (SPELLINGS.get(field) or PARTS_OF_DATE[field]).split()
    word = plain(header)
    bare = [word] + [word.removeprefix(one) for one in THE_CHILD.split() if word.startswith(one)]
    return min((known.index(one) for one in bare if one in known), default=None)


def is_another(header: str) -> bool:
    """Whether the header speaks of somebody else than the child, or of an earlier time: by a word of its own, a long
    word anywhere, or any word in front of a spelling or behind it."""
    words, whole = NOT_THE_CHILD.split(), plain(header)
    if not set(words).isdisjoint(word.lower() for word in _WORD.findall(header)):
        return True
    if any(word in whole for word in words if len(word) >= 6):
        return True
    rests = {rest for word in words for rest in (whole.removeprefix(word), whole.removesuffix(word))} - {whole}
    return any(rank(field, rest) is not None for field in SPELLINGS for rest in rests)
