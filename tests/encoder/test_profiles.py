"""A file is taken for the extract whose headers it has; where two fit alike, both are named."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.errors import ColumnsError
from encoder.profiles import detect, plain, profile, profiles
from encoder.spellings import PARTS_OF_DATE, SPELLINGS, is_another, rank

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "profiles.md"

EXTRACTS: dict[str, list[str]] = {
    "school-census": [
        "pupilonrolltableid upn formerupn surname forename middlenames preferredsurname formersurname dob sex",
        "upn surname forename middlenames preferredsurname dob gender postcode",
    ],
    "sen2": [
        "surname forename personbirthdate sex ethnicity postcode upn uniquelearnernumber upnunknown",
        "sen2tableid persontableid surname forename personbirthdate gendercurrent ethnicity postcode upn upnunknown",
        "Surname Forename PersonBirthDate Sex Ethnicity Postcode UPN UniqueLearnerNumber UPNunknown",
    ],
    "cin": [
        "LAchildID UPN FormerUPN UPNunknown PersonBirthDate ExpectedPersonBirthDate Sex PersonDeathDate",
        "LAchildID UPN UPNunknown PersonBirthDate GenderCurrent",
    ],
    "ssda903": ["CHILD SEX DOB ETHNIC UPN MOTHER MC_DOB", "Child Sex Dob Ethnic Mother"],
    "safeguarding": [
        "pers_person_id pers_forename pers_surname pers_dob pers_sex pers_upn pers_common_child_id pers_ethnicity",
        "pers_person_id pers_dob pers_sex addr_address_postcode",
        "pers_person_id pers_sex pers_gender pers_ethnicity pers_dob pers_common_child_id pers_upn_unknown",
    ],
    "dfe-csc": ["la_child_id unique_pupil_number first_name surname date_of_birth sex postcode"],
    "csds": [
        "LocalPatientID OrgID_LocalPatientID NHSNumber NHSNumber_Status DateOfBirth Postcode Gender",
        "LocalPatientID NHSNumber Forename Surname DateOfBirth Postcode Gender",
    ],
    "mhsds": ["LocalPatientId OrgIDLocalPatientId NHSNumber NHSNumberStatus PersonBirthDate Postcode Gender"],
    "msds": ["LPIDBaby NHSNumberBaby NHSNumberStatusBaby PersonBirthDateBaby PersonPhenSex"],
    "pds": ["UNIQUE~REFERENCE NHS_NO FAMILY_NAME GIVEN_NAME GENDER DATE_OF_BIRTH POST_CODE"],
    "sui": [
        "DOB Surname GivenName Gender PostCode",
        "Given Family BirthDate Gender PostalCode NHSNumber",
        "Forename FamilyName DOB Gender PostCode NhsNumber",
    ],
}


def headers(line: str) -> list[str]:
    return [word.replace("~", " ") for word in line.split()]


CASES = [(name, headers(line)) for name, lines in EXTRACTS.items() for line in lines]


def names_of(header: Sequence[str]) -> list[str]:
    return [one.name for one in detect(header)]


def test_every_profile_is_tried() -> None:
    assert list(EXTRACTS) == [one.name for one in profiles()]


@pytest.mark.parametrize(("name", "header"), CASES)
def test_an_extract_is_known_by_its_headers(name: str, header: list[str]) -> None:
    assert names_of(header) == [name]
    assert set(profile(name).speaking(header)) <= set(header)


@given(st.sampled_from(CASES), st.randoms(use_true_random=False))
def test_order_case_and_other_columns_change_nothing(case: tuple[str, list[str]], random: object) -> None:
    name, header = case
    other = [one.upper() if len(one) % 2 else one.lower() for one in header] + ["ethnicgroup", "note 1", ""]
    random.shuffle(other)  # type: ignore[attr-defined]
    assert names_of(other) == [name]


@pytest.mark.parametrize("header", [[], [""], ["surname", "forename", "dob"], ["CHILD", "DECOM", "HOME_POST"]])
def test_other_files_are_none_of_them(header: list[str]) -> None:
    assert names_of(header) == []


def test_two_that_fit_alike_are_both_named() -> None:
    header = headers("LocalPatientID NHSNumber DateOfBirth PersonBirthDate Postcode Gender")
    assert names_of(header) == ["csds", "mhsds"]


def test_of_two_that_fit_the_one_that_knows_more_headers_counts() -> None:
    header = headers("upn surname forename formersurname dob gender postcode")
    assert profile("sui").fits(header)
    assert names_of(header) == ["school-census"]


def test_the_second_file_of_an_extract_is_known_too() -> None:
    second = {
        "school-census": "addressestableid pupilonrolltableid postcode",
        "ssda903": "CHILD DECOM HOME_POST PL_POST",
    }
    for name, line in second.items():
        found = [one.name for one in profiles() if one.other and one.other.is_of(headers(line))]
        assert found == [name]


def test_an_unknown_profile_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ColumnsError, match=r"no profile 'sen3'.* school-census, sen2, cin, ssda903"):
        profile("sen3")


def test_headers_in_the_tables_are_plain_and_say_one_thing() -> None:
    for one in profiles():
        fields = list(chain.from_iterable(one.fields.values()))
        assert all(plain(name) == name for name in [*fields, *one.known, *"|".join(one.marks).split("|")])
        assert len(set(fields)) == len(fields)
        assert not set(fields) & one.known.keys()
        assert all(plain(name) == name for name in one.other.postcode) if one.other else True
    spelt = [word for words in [*SPELLINGS.values(), *PARTS_OF_DATE.values()] for word in words.split()]
    assert len(set(spelt)) == len(spelt)


def test_the_documentation_lists_every_header_and_spelling() -> None:
    text = DOCS.read_text(encoding="utf-8")
    rows = {cells[0].strip(" `"): line for line in text.splitlines() if len(cells := line.strip("|").split("|")) > 1}
    for one in profiles():
        line = rows[one.name]
        assert one.title in line
        written = set(map(plain, line.replace("`", " ").replace(",", " ").replace("|", " ").split()))
        others = [*one.other.on, *one.other.postcode, *one.other.newest_by] if one.other else []
        for name in [*chain.from_iterable(one.fields.values()), *others]:
            assert name in written, (one.name, name)
        assert all(what in text for what in one.known.values())
    for field, words in SPELLINGS.items():
        assert set(words.split()) <= set(rows[field].replace("`", " ").replace(",", " ").split())
    assert all(f"`{word}`" in text for words in PARTS_OF_DATE.values() for word in words.split())


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Date of Birth", "date_of_birth"),
        ("D.O.B.", "date_of_birth"),
        ("Pupil Surname", "surname"),
        ("child_first_name", "forename"),
        ("NHS No.", "nhs_number"),
        ("Current Postcode", "postcode"),
        ("PatientID", "id"),
        ("gender", "sex"),
        ("Unique Pupil Number", "upn"),
        ("Year of birth", "year"),
    ],
)
def test_usual_spellings(header: str, field: str) -> None:
    found = [one for one in [*SPELLINGS, *PARTS_OF_DATE] if rank(one, header) is not None]
    assert found == [field]


@pytest.mark.parametrize(
    "header",
    headers("""formersurname preferredsurname preferred_forename middlenames mother_dob MC_DOB MotherSurname
    father_forename parent_postcode GP_Postcode school_postcode PL_POST ExpectedPersonBirthDate FormerUPN UPNunknown
    NHSNumber_Status NHSNumberStatus expected_date_of_birth previous_postcode maiden_name carer_nhs_number alias
    sibling_upn worker_name gender_of_mother NHSNumberMother PersonBirthDateMother old_postcode
    date_of_death"""),
)
def test_what_is_somebody_elses_or_of_another_time_is_no_spelling(header: str) -> None:
    assert all(rank(one, header) is None for one in [*SPELLINGS, *PARTS_OF_DATE])


@pytest.mark.parametrize(
    "header",
    [
        "formerupn",
        "FormerUPN",
        "mother nhs",
        "GP postcode",
        "PL_POST",
        "upn_old",
        "gppostcode",
        "prevupn",
        "POSTCODEOLD",
    ],
)
def test_headers_of_somebody_else(header: str) -> None:
    assert is_another(header)


@pytest.mark.parametrize("header", ["Number", "col 7", "code", "home", "holder", "goldcard", "Organ", "planning"])
def test_headers_that_say_nothing(header: str) -> None:
    assert not is_another(header)
