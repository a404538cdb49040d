"""What is proposed about a second file: by which columns it is joined, and what it gives."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pyarrow.compute as pc

from encoder.birth_choice import order_of
from encoder.choosing import choose, headers_for, judge_cells, with_plain
from encoder.columns import CELL_FIELDS
from encoder.profiles import OtherProfile, Profile, plain
from encoder.proposal import Certainty, Choice
from encoder.sample import Sample
from encoder.spellings import rank
from encoder.value_check import DateVerdict, check_dates


@dataclass
class OtherChoice:
    """``table``: what stands under ``[other]``, empty if nothing is proposed."""

    choices: list[Choice] = field(default_factory=list)
    table: dict[str, Any] = field(default_factory=dict)
    not_used: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def propose_other(
    first: Sample, second: Sample, profile: Profile | None, *, present: Collection[str], row_id: str | None, today: date
) -> OtherChoice:
    """Propose how ``second`` is joined to ``first`` and gives fields that are not ``present`` there."""
    found = OtherChoice()
    expected = profile.other if profile is not None else None
    on = _join_of_profile(first, second, expected) if expected else None
    says = "the headers are those of the profile" if on else "the headers are usual ones"
    on = on or _join(first, second, row_id)
    if on is None:
        found.notes.append(
            f"No id has a header in both {first.path} and {second.path}: write the table [other] by hand."
        )
        return found
    here, there = on
    for one in CELL_FIELDS:
        names, why = headers_for(one, second.header, None)
        if expected and one == "postcode" and (theirs := with_plain(second.header, expected.postcode)):
            names, why = theirs, "the header is that of the profile"
        chosen = choose(f"other.{one}", names, why, judge_cells(second, one))
        if chosen and one in present:
            found.notes.append(f"{one} stands in both files: that of {first.path} is proposed.")
        elif chosen:
            found.choices.append(chosen[0])
            found.table[one] = chosen[0].header
    if not found.table:
        found.notes.append(f"{second.path} gives no identifier that {first.path} lacks: leave --with out.")
        return found
    found.table["on"] = here if here == there else {"here": here, "there": there}
    found.choices.insert(0, _join_choice(first, second, here, there, says, sure=expected is not None))
    if expected:
        _newest(found, second, expected, today)
        found.not_used |= {name: expected.known[plain(name)] for name in second.header if plain(name) in expected.known}
    if "newest_by" not in found.table and _repeats(second, there):
        found.notes.append(
            f"Some ids stand in several rows of {second.path}: if these differ, name under [other] the column of dates "
            "that says which is the newest, by newest_by."
        )
    return found


def _join_of_profile(first: Sample, second: Sample, expected: OtherProfile) -> tuple[str, str] | None:
    here, there = with_plain(first.header, expected.on[:1]), with_plain(second.header, expected.on[-1:])
    return (here[0], there[0]) if here and there else None


def _join(first: Sample, second: Sample, row_id: str | None) -> tuple[str, str] | None:
    """The row id, or else the likeliest header of an id, if it stands in both files."""
    there = {plain(name): name for name in reversed(second.header)}
    ids = [name for name in first.header if rank("id", name) is not None]
    for name in (*([row_id] if row_id else []), *sorted(ids, key=lambda one: rank("id", one) or 0)):
        if plain(name) in there:
            return name, there[plain(name)]
    return None


def _join_choice(first: Sample, second: Sample, here: str, there: str, says: str, *, sure: bool) -> Choice:
    header = here if here == there else f"{here} = {there}"
    if here in first.unread or there in second.unread:
        return Choice("other.on", header, Certainty.UNSURE, f"{says}, but their cells cannot be read")
    ids, known = first.column(here).unique(), second.column(there).unique()
    shared = pc.sum(pc.and_(pc.is_in(ids, value_set=known), pc.not_equal(ids, ""))).as_py() or 0
    if shared:
        why = f"{says}, and {shared:,} of {len(ids):,} ids that were looked at stand in both files"
        return Choice("other.on", header, Certainty.SURE if sure else Certainty.LIKELY, why)
    if first.whole and second.whole:
        return Choice("other.on", header, Certainty.UNSURE, f"{says}, but no id stands in both files")
    return Choice(
        "other.on", header, Certainty.LIKELY, f"{says}, but none of the ids that were looked at stands in both files"
    )


def _newest(found: OtherChoice, second: Sample, expected: OtherProfile, today: date) -> None:
    names = [name for name in with_plain(second.header, expected.newest_by) if name not in second.unread]
    verdicts: dict[str, DateVerdict] = {}

    def judge(name: str) -> DateVerdict:
        verdicts[name] = check_dates(second.column(name), order=None, today=today, are="dates that can be read")
        return verdicts[name]

    chosen = choose("other.newest_by", names, "the header is that of the profile", judge)
    if chosen is None:
        return
    choice = chosen[0]
    order, trouble = order_of(verdicts[str(choice.header)], expected.date_order)
    if trouble:
        choice = replace(choice, certainty=Certainty.LIKELY, why=f"{choice.why}; {trouble}")
    found.choices.append(choice)
    found.table["newest_by"] = choice.header
    if order is not None:
        found.table["date_order"] = order


def _repeats(second: Sample, there: str) -> bool:
    if there in second.unread:
        return False
    filled = second.column(there)
    filled = filled.filter(pc.not_equal(filled, ""))
    return len(filled.unique()) < len(filled)
