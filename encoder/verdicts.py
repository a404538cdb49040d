"""What to do about a file before it is linked: the most important things first, in plain words.

Each rule below looks at one thing, and says how many rows it is about and whom to ask for what. The order is by rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from encoder.cells import UNREAD, Damage, DateForm
from encoder.field_quality import FieldQuality
from encoder.identifiers import SHOWN, in_sentence
from encoder.names import DAMAGED
from encoder.numbers import DIGITS_LOST, ZERO_LOST
from encoder.postcodes import FOREIGN
from encoder.quality import Dates, Quality
from encoder.repeats import PERSON
from encoder.swapped import COLUMNS_SWAPPED
from encoder.wording import counted, share

MOST = 6
OFTEN_MISSING = 0.05
"""A field is named if at least this share of rows lacks it."""
ONE_ADDRESS = 0.005
"""A postcode or a date of birth that at least this share of rows holds is worth a question."""
TOO_MANY_NEW_YEARS = 3
"""So many times the births of an ordinary day on 1 January are estimates."""

_ASK = {
    "forename": "Ask whether the system holds forenames for these children now; newborns are often filed before they "
    "are named.",
    "surname": "Ask for the surname. Without it only a number can link these rows.",
    "sex": "Sex counts for little in linking: ask for it only if the agreement uses it.",
    "date_of_birth": "Ask for whole dates of birth. Every match-key on names leans on them.",
    "postcode": "Ask for the postcode of the home address, in a second file if need be (--with).",
    "nhs_number": "Ask whether the numbers can be traced (PDS) or taken from another system. Where both holders have "
    "them, they link best.",
    "upn": "Ask for the UPN from the school census. Children under school age have none.",
}


@dataclass(frozen=True)
class Verdict:
    """One thing to do. ``rows``: how many rows it is about. ``blocks``: the file is refused until it
    is done."""

    rows: int
    what: str
    do: str
    blocks: bool = False


def verdicts(quality: Quality) -> tuple[Verdict, ...]:
    """The things to do, at most six: what stops the file first, then by the number of rows."""
    found = [one for rule in _RULES for one in rule(quality) if one.rows]
    found.sort(key=lambda one: (not one.blocks, -one.rows))
    return tuple(found[:MOST])


def _dates(quality: Quality) -> Iterator[Verdict]:
    dates = quality.dates
    if dates is None or not dates.refused:
        return
    until = "Until then the file is refused, and this report lacks dates of birth."
    day, month = dates.rows(DateForm.DAY_FIRST), dates.rows(DateForm.MONTH_FIRST)
    unread = dates.rows(*UNREAD)
    yield Verdict(
        unread,
        f"{counted(unread, 'date of birth is', 'dates of birth are')} not in a form that can be read.",
        f"Ask for dates like 2015-03-25. {_about_unread(dates)}{until}",
        True,
    )
    if day and month:
        yield Verdict(
            min(day, month),
            f"Dates of birth are in two orders: {day:,} have the day first, {month:,} the month first.",
            f"Ask for dates like 2015-03-25; of the others nobody can tell which order they have. {until}",
            True,
        )
    elif dates.rows(DateForm.EITHER) and not (day or month):
        yield Verdict(
            quality.rows,
            "Every date of birth could have the day or the month first.",
            f'Find out which, and write date_order = "dmy" or "mdy" in the columns file. {until}',
            True,
        )
    elif not unread:
        yield Verdict(
            quality.rows,
            "The dates of birth cannot be read as the columns file says.",
            f"Correct date_order in the columns file, or ask for dates like 2015-03-25. {until}",
            True,
        )


def _about_unread(dates: Dates) -> str:
    """What else may help, for the forms that there are."""
    serial, short = dates.rows(DateForm.SERIAL), dates.rows(DateForm.SHORT_YEAR)
    others = dates.rows(DateForm.DAY_FIRST, DateForm.MONTH_FIRST, DateForm.EITHER, DateForm.SAME)
    if serial and not (others or short):
        return 'If 43831 is a day number of Excel, write date_order = "excel" in the columns file instead. '
    if serial:
        return "A spreadsheet shows its day numbers as dates once the cells are formatted so. "
    return "A year of two digits could be of either century. " if short else ""


def _too_few(quality: Quality) -> Iterator[Verdict]:
    agreed = quality.agreed
    if agreed is None:
        return
    encoded = quality.rows - agreed.without
    if encoded < agreed.minimum_rows:
        yield Verdict(
            quality.rows,
            f"{counted(encoded, 'row has', 'rows have')} an encoding; the agreement asks for at least "
            f"{agreed.minimum_rows:,}.",
            "The broker refuses so small an upload. Check that this is the whole file.",
            True,
        )


def _cut(quality: Quality) -> Iterator[Verdict]:
    if quality.cut:
        yield Verdict(
            quality.rows,
            "The file ends at the very last row that a worksheet of Excel can have.",
            "It has probably been cut. Ask for the export as it was before anybody opened it in Excel.",
        )


def _cannot(quality: Quality) -> Iterator[Verdict]:
    if quality.agreed is not None and quality.agreed.without > quality.fit.cannot:
        yield Verdict(
            quality.agreed.without,
            f"{counted(quality.agreed.without, 'row has', 'rows have')} too little for "
            "any match-key of the agreement, and cannot link.",
            'See which identifiers these rows lack under "Which identifiers rows have", and ask for them.',
        )
    elif quality.fit.cannot:
        yield Verdict(
            quality.fit.cannot,
            f"{counted(quality.fit.cannot, 'row has', 'rows have')} nothing to link by.",
            "Ask whether they belong in the extract. encode lists their row numbers, and keeps them as rows that do "
            "not link.",
        )


def _missing(quality: Quality) -> Iterator[Verdict]:
    for field in quality.fields:
        if field.unusable < OFTEN_MISSING * quality.rows:
            continue
        name = SHOWN[field.field]
        yield Verdict(
            field.unusable,
            f"{name} is missing or unusable in {share(field.unusable, quality.rows)} of rows.",
            _ASK[field.field],
        )


def _numbers(quality: Quality) -> Iterator[Verdict]:
    nhs_number, upn = quality.field("nhs_number"), quality.field("upn")
    lost = _reason(nhs_number, ZERO_LOST) + _reason(nhs_number, DIGITS_LOST)
    yield Verdict(
        lost,
        f"{counted(lost, 'NHS number was', 'NHS numbers were')} spoilt by a spreadsheet: a leading zero or the last "
        "digits are lost.",
        "Ask for the export as it was before anybody opened it in Excel; digits that are lost do not come back.",
    )
    for field in (nhs_number, upn):
        wrong = field.invalid - (lost if field.field == "nhs_number" else 0) if field else 0
        if field and wrong:
            yield Verdict(
                wrong,
                f"{counted(wrong, SHOWN[field.field], SHOWN[field.field] + 's')} cannot be right.",
                "Ask whether the column really holds these numbers, and how they are typed in.",
            )


def _spoilt(quality: Quality) -> Iterator[Verdict]:
    damaged = sum(one.rows for one in quality.spoilt if one.what == DAMAGED)
    yield Verdict(
        damaged,
        f"{counted(damaged, 'name has', 'names have')} damaged letters, as when one accented letter "
        "is seen as two odd signs.",
        "Ask for the export in UTF-8, made anew: it was saved in the wrong encoding at some time.",
    )
    changed = sum(one.rows for one in quality.spoilt if one.what in (Damage.ERROR, Damage.DATE_IN_NAME))
    yield Verdict(
        changed,
        f"{counted(changed, 'cell holds', 'cells hold')} what a spreadsheet made of them: errors of formulas, or "
        "dates in place of names.",
        "Ask for the export as it was before anybody opened it in Excel.",
    )


def _repeats(quality: Quality) -> Iterator[Verdict]:
    if quality.repeats:
        one = max(quality.repeats, key=lambda repeat: repeat.rows)  # the others find mostly the same rows
        name = "name, date of birth and postcode" if one.fields == PERSON else in_sentence(one.fields[0])
        yield Verdict(
            one.rows,
            f"{one.rows:,} rows share their {name} with another row, in {counted(one.groups, 'group', 'groups')}.",
            "Ask for one row per child: of several rows only one can link.",
        )
    for one in quality.repeats:
        if one.fields != PERSON:
            yield Verdict(
                one.differing or 0,
                f"{one.differing or 0:,} rows share their {in_sentence(one.fields[0])} with a row of another "
                f"{in_sentence(one.differ_in)}.",
                "Two children may have been given one number: ask for these rows to be checked.",
            )


def _common(quality: Quality) -> Iterator[Verdict]:
    for name in ("postcode", "date_of_birth"):
        field = quality.field(name)
        most = field.common[0].rows if field and field.common else 0
        if field and most >= ONE_ADDRESS * field.usable:
            yield Verdict(
                most,
                f"One {in_sentence(name)} stands in {most:,} rows.",
                'Ask whether it stands for an office, a home or "not known". If it does, it should be empty.',
            )


def _births(quality: Quality) -> Iterator[Verdict]:
    ages = quality.ages
    if (
        ages is not None
        and ages.new_year is not None
        and ages.new_year >= max(10, TOO_MANY_NEW_YEARS * ages.rows / 365.25)
    ):
        yield Verdict(
            ages.new_year,
            f"{ages.new_year:,} rows have a birth on 1 January; about {ages.rows / 365.25:,.0f} would be usual.",
            "These dates are probably estimates. They are kept, and may differ from the other holder's.",
        )


def _names(quality: Quality) -> Iterator[Verdict]:
    yield Verdict(
        quality.rows if quality.columns_swapped else 0,
        COLUMNS_SWAPPED[0].upper() + COLUMNS_SWAPPED[1:],
        "Look at the most common names below. If it is so, correct the columns file.",
    )
    swapped = quality.swapped or 0
    yield Verdict(
        swapped,
        f"{counted(swapped, 'row looks', 'rows look')} as if forename and surname had changed places.",
        "Look at the most common names below. If the whole file looks swapped, correct the columns file.",
    )
    nameless = quality.twins.nameless if quality.twins else 0
    yield Verdict(
        nameless,
        f"{counted(nameless, 'row without a forename shares', 'rows without a forename share')} surname, date of birth "
        "and postcode with another row.",
        "They may be twins filed before they were named. Ask for the forenames, or the wrong twin may be linked.",
    )


def _postcodes(quality: Quality) -> Iterator[Verdict]:
    foreign = _reason(quality.field("postcode"), FOREIGN)
    yield Verdict(
        foreign,
        f"{counted(foreign, 'postcode does', 'postcodes do')} not have the form of a British postcode.",
        "Ask whether the column is the postcode, and whether it is typed in freely.",
    )


_RULES: tuple[Callable[[Quality], Iterator[Verdict]], ...] = (
    _dates,
    _too_few,
    _cut,
    _cannot,
    _missing,
    _numbers,
    _spoilt,
    _repeats,
    _common,
    _births,
    _names,
    _postcodes,
)


def _reason(field: FieldQuality | None, reason: str) -> int:
    return sum(one.rows for one in field.reasons if one.reason == reason) if field else 0
