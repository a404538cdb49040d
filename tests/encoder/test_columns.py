"""A columns file says which header holds which field; a wrong one is refused with its line, key and remedy."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from encoder.columns import Columns, DateParts, load_columns
from encoder.errors import ColumnsError


def load(folder: Path, text: str | bytes) -> Columns:
    path = folder / "columns.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return load_columns(path)


WHOLE = """
id = "PupilId"
forename = " Forename "
surname = "Surname"
sex = "Sex"
date_of_birth = "DOB"
postcode = "Post Code"
nhs_number = "NHS"
upn = "UPN"
date_order = "dmy"
"""


def test_all_fields(tmp_path: Path) -> None:
    columns = load(tmp_path, WHOLE)
    assert columns.id == "PupilId"
    assert columns.date_order == "dmy"
    assert columns.sources == {
        "forename": "Forename",
        "surname": "Surname",
        "sex": "Sex",
        "date_of_birth": "DOB",
        "postcode": "Post Code",
        "nhs_number": "NHS",
        "upn": "UPN",
    }
    parts = ("day", "month", "year", "date_of_birth")
    assert columns.fields == ("forename", "surname", "sex", *parts, "postcode", "nhs_number", "upn")


def test_a_date_in_three_columns(tmp_path: Path) -> None:
    columns = load(tmp_path, 'date_of_birth = {day = "D", month = "M", year = "Y"}')
    assert columns.date_of_birth == DateParts(day="D", month="M", year="Y")
    assert columns.sources == {"day": "D", "month": "M", "year": "Y"}
    assert columns.fields == ("day", "month", "year", "date_of_birth")


def test_what_stands_in_a_second_file(tmp_path: Path) -> None:
    columns = load(tmp_path, 'upn = "UPN"\n[other]\non = "PupilId"\npostcode = "Postcode"')
    assert columns.sources == {"upn": "UPN", "postcode": "Postcode"}
    assert columns.here == {"upn": "UPN"}
    assert columns.fields == ("postcode", "upn")
    assert columns.other is not None
    assert (columns.other.here, columns.other.there) == ("PupilId", "PupilId")
    columns = load(tmp_path, '[other]\non = {here = "A", there = "B"}\nupn = "UPN"\nnewest_by = "Start"')
    assert columns.other is not None
    assert (columns.other.here, columns.other.there, columns.other.newest_by) == ("A", "B", "Start")


def test_any_field_may_be_absent(tmp_path: Path) -> None:
    columns = load(tmp_path, 'upn = "UPN"')
    assert columns.id is None
    assert columns.sources == {"upn": "UPN"}
    assert columns.fields == ("upn",)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert load(tmp_path, b'\xef\xbb\xbfsurname = "Surname"\r\n').surname == "Surname"


@pytest.mark.parametrize(
    ("text", "where", "what", "remedy"),
    [
        ("", "columns.toml", "no identifier", 'surname = "Surname"'),
        ('id = "x"', "columns.toml", "no identifier", "Name at least one"),
        ('date_order = "dmy"', "columns.toml", "no identifier", "Name at least one"),
        ('surname = "a"\ndob = "b"', "line 2, key dob", "not known", "Did you mean date_of_birth?"),
        ('surname = "a"\nforname = "b"', "line 2, key forname", "not known", "Did you mean forename?"),
        ('surname = "a"\nzz = "b"', "line 2, key zz", "not known", "The keys are: id, forename"),
        ("surname = 5", "line 1, key surname", "not a header", 'surname = "Header"'),
        ('surname = ""', "line 1, key surname", "not a header", 'surname = "Header"'),
        ('[surname]\nday = "a"', "line 1, key surname", "not a header", 'surname = "Header"'),
        ('date_of_birth = {day = "a"}', "line 1, key date_of_birth", "neither", "{day ="),
        ('date_of_birth = {day="a", month="b", year="c", x="d"}', "key date_of_birth", "neither", "{day ="),
        ('surname = "a"\ndate_order = "dym"', "line 2, key date_order", "not an order", '"dmy", "mdy" or "ymd"'),
        ('surname = "a"\ndate_order = "dmy"', "columns.toml", "no date of birth in one column", "Remove"),
        ('surname = "a"\nforename = "a"', "columns.toml", "forename and surname name the same", "of its own"),
        ('upn = "u"\nsurname = oops', "columns.toml, line 2", "not valid TOML", "one field a line"),
        ('surname = "a"\n[other]\non = "k"', "line 2, key other", "gives no identifier", "remove this table"),
        ('surname = "a"\n[other]\npostcode = "p"', "line 2, key other.on", "belong together", "{here ="),
        ('surname = "a"\n[other]\npostcode = "p"\non = {here = "x"}', "line 4, key other.on", "belong", "there ="),
        ('surname = "a"\nother = "p"', "line 2, key other", "not a table", "in a line of its own"),
        ('sex = "s"\n[other]\non = "k"\nsex = "s"', "columns.toml", "Both files are to give sex", "Name it once"),
        ('sex = "s"\n[other]\non = "k"\npostcod = "p"', "line 4, key other.postcod", "not known", "mean postcode?"),
        ('sex = "s"\n[other]\non = "k"\ndate_of_birth = "p"', "date_of_birth", "not known", "on, forename"),
        ('sex = "s"\n[other]\non = "k"\npostcode = 4', "line 4, key other.postcode", "not a header", "in quotes"),
        ('sex = "s"\n[other]\non = "k"\npostcode = "p"\nupn = "p"', "key other", "name the same header", "of its own"),
        (
            'sex = "s"\n[other]\non = "k"\nupn = "p"\ndate_order = "dmy"',
            "line 2, key other",
            "no newest_by",
            "Remove date_order",
        ),
        (
            'sex = "s"\n[other]\non = "k"\nupn = "p"\nnewest_by = "d"\ndate_order = "day"',
            "line 6, key other.date_order",
            "not an order",
            '"dmy"',
        ),
        ('surname = "oops', "columns.toml, last line", "not valid TOML", "one field a line"),
        ('surname = "é"'.encode("cp1252"), "columns.toml", "not in UTF-8", "Save it as UTF-8"),
    ],
)
def test_refused(tmp_path: Path, text: str | bytes, where: str, what: str, remedy: str) -> None:
    with pytest.raises(ColumnsError) as caught:
        load(tmp_path, text)
    assert (caught.value.where or "").endswith(where)
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ColumnsError, match="cannot be read"):
        load_columns(tmp_path / "nowhere.toml")


def test_columns_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Columns(surname="a").surname = "b"
