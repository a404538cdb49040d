"""Which column of the holder's file, or of a second one, holds which identifier: the columns file (COLUMNS.toml)."""

import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from encoder.errors import ColumnsError
from encoder.identifiers import FIELDS

Header = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1)]
DateOrder = Literal["dmy", "mdy", "ymd", "excel"]

CELL_FIELDS = ("forename", "surname", "sex", "postcode", "nhs_number", "upn")
"""Identifiers that stand in one cell each, and may do so in a second file."""

DATE_FIELDS = ("day", "month", "year", "date_of_birth")

OTHER_WORDS = {
    "birth_date": "date_of_birth",
    "birthdate": "date_of_birth",
    "dob": "date_of_birth",
    "family_name": "surname",
    "first_name": "forename",
    "gender": "sex",
    "given_name": "forename",
    "last_name": "surname",
    "nhs": "nhs_number",
    "post_code": "postcode",
    "row_id": "id",
}


class DateParts(BaseModel):
    """The headers of a date of birth that stands in three columns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: Header
    month: Header
    year: Header


class JoinHeaders(BaseModel):
    """The headers, in the holder's file and in the second one, of what tells whose row it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    here: Header
    there: Header


class Other(BaseModel):
    """What stands in a second file, and how its rows belong to those of the first.

    ``newest_by`` names a column of dates: of several rows for one child the newest counts. ``date_order`` says how
    these dates are written, where the column itself does not show it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: Header | JoinHeaders
    forename: Header | None = None
    surname: Header | None = None
    sex: Header | None = None
    postcode: Header | None = None
    nhs_number: Header | None = None
    upn: Header | None = None
    newest_by: Header | None = None
    date_order: DateOrder | None = None

    @property
    def here(self) -> str:
        """The header in the first file that says which row of the second belongs to a row."""
        return self.on.here if isinstance(self.on, JoinHeaders) else self.on

    @property
    def there(self) -> str:
        """The same in the second file."""
        return self.on.there if isinstance(self.on, JoinHeaders) else self.on

    @property
    def sources(self) -> dict[str, str]:
        """The header in the second file that feeds each field."""
        return {field: getattr(self, field) for field in CELL_FIELDS if getattr(self, field) is not None}

    @model_validator(mode="after")
    def _make_sense(self) -> "Other":
        if not self.sources:
            raise ValueError("The second file gives no identifier.|Name one, or remove this table.")
        _refuse_shared(self.sources)
        if self.date_order is not None and self.newest_by is None:
            raise ValueError("A date_order is given, but no newest_by, whose order it is.|Remove date_order.")
        return self


class Columns(BaseModel):
    """The header of each field in one holder's file. A field that the file does not have is ``None``.

    ``date_order`` says how dates with the year last (and dates of eight digits) are written, where the column
    itself does not show it. ``other``: what stands in a second file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Header | None = None
    forename: Header | None = None
    surname: Header | None = None
    sex: Header | None = None
    date_of_birth: Header | DateParts | None = None
    postcode: Header | None = None
    nhs_number: Header | None = None
    upn: Header | None = None
    date_order: DateOrder | None = None
    other: Other | None = None

    @property
    def sources(self) -> dict[str, str]:
        """The header that feeds each field, in either file, without the row id. A date in three columns has three
        entries: ``day``, ``month`` and ``year`` in place of ``date_of_birth``."""
        return self.here | (self.other.sources if self.other else {})

    @property
    def here(self) -> dict[str, str]:
        """The same for the fields that stand in the holder's own file, not in the second."""
        found: dict[str, str] = {}
        for field in ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number", "upn"):
            header = getattr(self, field)
            if isinstance(header, DateParts):
                found |= {"day": header.day, "month": header.month, "year": header.year}
            elif header is not None:
                found[field] = header
        return found

    @property
    def fields(self) -> tuple[str, ...]:
        """The normalised fields (of ``identifiers.FIELDS``) that this file feeds."""
        present = set(self.sources)
        if self.date_of_birth is not None:
            present |= set(DATE_FIELDS)
        return tuple(field for field in FIELDS if field in present)

    @model_validator(mode="after")
    def _make_sense(self) -> "Columns":
        if not self.sources:
            raise ValueError('It names no identifier at all.|Name at least one, such as surname = "Surname".')
        _refuse_shared(self.here)
        for field in self.other.sources if self.other else ():
            if field in self.here:
                raise ValueError(f"Both files are to give {field}.|Name it once, above [other] or in it.")
        if self.date_order is not None and not isinstance(self.date_of_birth, str):
            raise ValueError("A date_order is given, but no date of birth in one column.|Remove date_order.")
        return self


def _refuse_shared(sources: dict[str, str]) -> None:
    by_header: dict[str, str] = {}
    for field, header in sources.items():
        if header in by_header:
            raise ValueError(
                f"The fields {by_header[header]} and {field} name the same header.|"
                "Give each field a column of its own, or leave one out."
            )
        by_header[header] = field


def load_columns(path: Path) -> Columns:
    """Read a columns file. Raises ``ColumnsError`` with the file and the line or key at fault."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ColumnsError(
            "The columns file cannot be read.", where=str(path), remedy="Check the path and your right to read it."
        ) from error
    except UnicodeDecodeError as error:
        raise ColumnsError(
            "The columns file is not in UTF-8.", where=str(path), remedy="Save it as UTF-8 text."
        ) from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{path}, line {line.group(1)}" if line else f"{path}, last line"
        raise ColumnsError(
            "This is not valid TOML.", where=where, remedy='Write one field a line, as in surname = "Surname".'
        ) from error
    try:
        return Columns.model_validate(document)
    except ValidationError as error:
        raise _explain(error, path, text) from error


def _explain(error: ValidationError, path: Path, text: str) -> ColumnsError:
    first = error.errors()[0]
    keys = [str(key) for key in first["loc"] if key not in ("constrained-str", "DateParts", "JoinHeaders")]
    where = f"{path}, {_line_of(keys, text)}key {'.'.join(keys)}" if keys else str(path)
    if first["type"] == "value_error":
        what, remedy = str(first["ctx"]["error"]).split("|")
        return ColumnsError(what, where=where, remedy=remedy)
    if first["type"] == "extra_forbidden" and keys[:-1] in ([], ["other"]):
        return ColumnsError("This key is not known.", where=where, remedy=_which_key(keys))
    if keys[-1] == "date_order":
        what, remedy = "This is not an order of dates.", 'Write "dmy", "mdy" or "ymd".'
    elif keys[0] == "date_of_birth":
        what = "This is neither a header nor three."
        remedy = 'Write "Header", or {day = "Header", month = "Header", year = "Header"}.'
    elif keys[:2] == ["other", "on"]:
        what = "This does not say which rows of the two files belong together."
        remedy = 'Under [other], write on = "Header", or on = {here = "Header", there = "Header"}.'
    elif keys == ["other"]:
        what, remedy = "This is not a table.", "Write [other] in a line of its own, and its keys below."
    else:
        what, remedy = "This is not a header.", f'Write the column\'s header in quotes, as in {keys[-1]} = "Header".'
    return ColumnsError(what, where=where, remedy=remedy)


def _which_key(keys: list[str]) -> str:
    known = list((Other if keys[0] == "other" else Columns).model_fields)
    word = keys[-1].casefold().replace("-", "_").replace(" ", "_")
    near = [OTHER_WORDS[word]] if OTHER_WORDS.get(word) in known else get_close_matches(word, known, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return f"{hint}The keys are: {', '.join(known)}."


def _line_of(keys: list[str], text: str) -> str:
    """The line of a key; of one in the table ``other``, below its head."""
    lines = list(enumerate(text.splitlines(), start=1))
    found = ""
    for key in keys if keys[0] == "other" else keys[:1]:
        for place, (number, line) in enumerate(lines):
            if re.match(rf"\s*[\[\"']*{re.escape(key)}\b", line):
                found, lines = f"line {number}, ", lines[place + 1 :]
                break
    return found
