"""A columns file for a file that somebody else made: proposed from its headers and its first rows.

1. The profile says which header holds which field; where there is none, headers are known by their usual spellings.
2. The values of the first rows are judged by the rules of normalising; what they say decides how sure a choice is.
3. NHS numbers, UPNs and postcodes are also found by their values alone, and then never sure.
4. A column that might be another one's field is named beside it. Columns that are known to be something else are
   never proposed.
5. A file whose first row holds values is refused; where no header is known, only those of proposed columns are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from encoder.beside import Beside, with_options
from encoder.birth_choice import BirthChoice, choose_birth
from encoder.choosing import by_values, choose, choose_by_values, headers_for, judge_cells
from encoder.columns import CELL_FIELDS, Columns, DateParts
from encoder.doubts import doubts
from encoder.errors import ColumnsError, InputError
from encoder.numbers import nhs_number, upn
from encoder.postcodes import postcode
from encoder.profiles import Profile, detect, plain, profiles
from encoder.profiles import profile as profile_named
from encoder.proposal import Certainty, Choice, Proposal
from encoder.propose_other import OtherChoice, propose_other
from encoder.sample import SAMPLE_ROWS, Sample, read_sample
from encoder.table import Layout, Tell
from encoder.value_check import check_ids

BY_VALUES = ("nhs_number", "upn", "postcode")


def propose(
    file: Path,
    *,
    today: date,
    beside: Beside | None = None,
    profile: str | None = None,
    layout: Layout | None = None,
    rows: int = SAMPLE_ROWS,
    tell: Tell | None = None,
) -> Proposal:
    """Propose the columns of a file from its header and its first ``rows`` rows.

    ``beside``: a second file. ``profile``: the name of what a person says the file is; else it is detected.
    ``layout`` and ``tell`` as for ``read_rows``. Raises ``InputError`` for a file that cannot be read or has no
    header, ``ColumnsError`` if nothing can be proposed or there is no such profile.
    """
    sample = read_sample(file, layout=layout, rows=rows, tell=tell)
    _refuse_values_as_header(sample)
    found = (profile_named(profile),) if profile else detect(sample.header)
    clear = found[0] if len(found) == 1 else None
    known = {name: what for one in found for name, what in one.known.items()}
    usable = [name for name in sample.header if plain(name) not in known]

    by_header = _by_headers(sample, usable, clear)
    birth = choose_birth(sample, usable, clear, today=today)
    recognised = bool(by_header or birth)
    fields = _with_values(sample, usable, by_header, _headers(birth.choice) if birth else [])
    fields += [birth.choice] if birth else []
    row_id, notes = _row_id(sample, usable, clear)
    other = OtherChoice()
    if beside is not None:
        told = None if tell is None else lambda sentence: tell(f"{beside.path}: {sentence}")
        with with_options():
            second = read_sample(beside.path, layout=beside.layout, rows=rows, tell=told)
        present = [one.key for one in fields]
        id_header = str(row_id.header) if row_id else None
        other = propose_other(sample, second, clear, present=present, row_id=id_header, today=today)
    notes += _about_profiles(sample, found, forced=profile is not None)
    notes += _about_second(sample, clear, beside is not None, [one.key for one in fields]) + other.notes
    notes += [f"Column {name!r} is left aside. {why}" for name, why in sample.unread.items()] if recognised else []
    if not fields and not other.table:
        raise ColumnsError(
            "No column looks like an identifier, by its header or by its values.",
            where=str(file),
            remedy=" ".join(["Check that the first row is the header, or write the columns file by hand.", *notes]),
        )
    choices = [
        *([row_id] if row_id else []),
        *sorted(fields, key=lambda one: list(Columns.model_fields).index(one.key)),
    ]
    chosen = {name for one in choices for name in _headers(one)}
    rest = [name for name in usable if name not in chosen and name not in sample.unread]
    return Proposal(
        file=file,
        beside=beside.path if beside else None,
        rows=len(sample.sheet.rows),
        whole=sample.whole,
        profiles=found,
        by=tuple(name for name in sample.header if any(name in one.speaking(sample.header) for one in found)),
        choices=(*choices, *other.choices),
        columns=_columns(choices, birth, other),
        not_used={name: known[plain(name)] for name in sample.header if plain(name) in known} | other.not_used,
        doubts=doubts(sample.sheet, rest) if recognised else {},
        notes=tuple(notes),
    )


def _refuse_values_as_header(sample: Sample) -> None:
    """Rule 5."""
    for name in sample.header:
        number = upn(name)
        if nhs_number(name).value or number.value or "temporary" in number.reason or _is_postcode(sample, name):
            raise InputError(
                "The first row holds an NHS number, a UPN or a postcode where headers should stand.",
                where=str(sample.path),
                remedy="Put a row of headers above the others.",
            )


def _is_postcode(sample: Sample, name: str) -> bool:
    """Headers such as ``ks1_2la`` have the form of a postcode: what stands below decides."""
    return postcode(name).kind is None and bool(judge_cells(sample, "postcode")(name).agrees)


def _by_headers(sample: Sample, usable: Sequence[str], profile: Profile | None) -> list[Choice]:
    """Rules 1 and 2, for fields in one cell."""
    choices = []
    for field in CELL_FIELDS:
        names, says = headers_for(field, usable, profile)
        if chosen := choose(field, names, says, judge_cells(sample, field)):
            choices.append(chosen[0])
    return choices


def _with_values(
    sample: Sample, usable: Sequence[str], choices: Sequence[Choice], taken: Sequence[str]
) -> list[Choice]:
    """Rule 3: a field that no header has, or whose header the values gainsay, may stand elsewhere."""
    result = list(choices)
    taken = [*taken, *(name for one in choices for name in (*_headers(one), *one.alternatives)), *sample.unread]
    for field in BY_VALUES:
        there = next((one for one in choices if one.key == field), None)
        if there is not None and there.certainty is not Certainty.UNSURE:
            continue
        found = by_values(field, sample, [name for name in sample.header if name in taken or name not in usable])
        if found and there is None:
            result.append(choose_by_values(field, found))
            taken = [*taken, found[0][0]]
        elif found and there is not None:
            names = (*there.alternatives, *(name for name, _ in found))
            result[result.index(there)] = replace(there, alternatives=names)
    return result


def _row_id(sample: Sample, usable: Sequence[str], profile: Profile | None) -> tuple[Choice | None, list[str]]:
    """An id must stand in every row and nowhere twice; a column that does not is not proposed, and a note says so."""
    names, says = headers_for("id", [name for name in usable if name not in sample.unread], profile)
    verdicts = {name: check_ids(sample.column(name)) for name in names}
    good = [name for name in names if verdicts[name].agrees]
    notes = [f"{name!r} is not proposed as the row id: {verdicts[name].why}." for name in names if name not in good]
    if not good:
        return None, [*notes, "Rows are known by their numbers: keep the file as it is until the results are back."]
    certainty = Certainty.LIKELY if len(good) > 1 else Certainty.SURE
    more = "; so it is in others" if len(good) > 1 else ""
    why = f"{says}, and {verdicts[good[0]].why}{more}"
    return Choice("id", good[0], certainty, why, tuple(good[1:])), notes


def _about_profiles(sample: Sample, found: Sequence[Profile], *, forced: bool) -> list[str]:
    if len(found) > 1:
        names = " and ".join(one.name for one in found)
        return [f"The profiles {names} fit alike, so none is taken: say which by --profile."]
    if forced and not found[0].fits(sample.header):
        return [f"Not all headers that mark the profile {found[0].name} are there."]
    if not found:
        second = [one for one in profiles() if one.other and one.other.is_of(sample.header)]
        return [
            f"It may be {one.other.title}, of profile {one.name}: then give it with --with, beside the children's file."
            for one in second
            if one.other
        ]
    return []


def _about_second(sample: Sample, profile: Profile | None, given: bool, present: Sequence[str]) -> list[str]:
    if profile is None or profile.other is None or given or "postcode" in present:
        return []
    return [f"The postcode stands in {profile.other.title}: give that file with --with."]


def _headers(choice: Choice) -> list[str]:
    if isinstance(choice.header, DateParts):
        return [choice.header.day, choice.header.month, choice.header.year]
    return [choice.header]


def _columns(choices: Sequence[Choice], birth: BirthChoice | None, other: OtherChoice) -> Columns:
    document: dict[str, Any] = {one.key: one.header for one in choices}
    document["date_order"] = birth.date_order if birth else None
    document["other"] = other.table or None
    return Columns.model_validate(document)
