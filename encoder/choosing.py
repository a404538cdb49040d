"""Which of several columns is proposed for a field, how sure that is, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from encoder.profiles import Profile, plain
from encoder.proposal import Certainty, Choice
from encoder.sample import Sample
from encoder.spellings import is_another, rank
from encoder.value_check import Verdict, check_values

FEWEST_VALUES = 5
"""So many different values that pass are needed where the header says nothing."""

Judge = Callable[[str], Verdict]
"""Takes a header."""


def headers_for(field: str, header: Sequence[str], profile: Profile | None) -> tuple[list[str], str]:
    """The headers that the profile has for a field, or else those that are spelt like it, the likeliest first; and
    what speaks for them."""
    if profile is not None:
        wanted = profile.fields.get(field, ())  # type: ignore[call-overload]
        if found := with_plain(header, wanted):
            return found, "the header is that of the profile"
    ranks = {one: rank(field, one) for one in header}
    found = sorted((one for one in header if ranks[one] is not None), key=lambda one: ranks[one] or 0)
    return found, "the header is a usual one"


def with_plain(header: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Those of a file's headers whose plain form is one of the wanted, in the order of these."""
    return [one for name in wanted for one in header if plain(one) == name]


def judge_cells(sample: Sample, field: str) -> Judge:
    """Judges columns of the sample as cells of the field."""

    def judge(header: str) -> Verdict:
        if header in sample.unread:
            return Verdict(False, f"its cells cannot be read: {sample.unread[header]}")
        return check_values(field, sample.column(header))

    return judge


def choose(key: str, headers: Sequence[str], says: str, judge: Judge) -> tuple[Choice, Verdict] | None:
    """Choose by header, then by values; the first of those that are alike. ``None`` if there are no headers."""
    if not headers:
        return None
    verdicts = {one: judge(one) for one in headers}
    best = min(headers, key=lambda one: {True: 0, None: 1, False: 2}[verdicts[one].agrees])
    verdict, others = verdicts[best], tuple(one for one in headers if one != best)
    link = "but" if verdict.agrees is False else "and"
    why = f"{says}, {link} {verdict.why}"
    if others:
        clear = verdict.agrees and not any(verdicts[one].agrees for one in others)
        certainty = Certainty.LIKELY if clear else Certainty.UNSURE
        why += "; the others do not hold such values" if clear else "; so might others"
    else:
        certainty = {True: Certainty.SURE, None: Certainty.LIKELY, False: Certainty.UNSURE}[verdict.agrees]
    return Choice(key, best, certainty, why, others), verdict


def by_values(field: str, sample: Sample, taken: Sequence[str]) -> list[tuple[str, Verdict]]:
    """Columns whose values are what the field holds, although no header says so: not those that are taken, and none
    whose header speaks of somebody else or of an earlier time."""
    judge = judge_cells(sample, field)
    judged = [(one, judge(one)) for one in sample.header if one not in taken and not is_another(one)]
    return [(one, verdict) for one, verdict in judged if verdict.agrees and verdict.distinct >= FEWEST_VALUES]


def choose_by_values(field: str, found: Sequence[tuple[str, Verdict]]) -> Choice:
    """The first of columns that ``by_values`` found."""
    (best, verdict), others = found[0], tuple(one for one, _ in found[1:])
    more = "; so are those of others" if others else ""
    return Choice(field, best, Certainty.UNSURE, f"the header does not say so, but {verdict.why}{more}", others)
