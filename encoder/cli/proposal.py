"""A proposal as a person sees it, and as JSON."""

from pathlib import Path
from typing import Any

from encoder.agreed import identifiers_of
from encoder.columns import DateParts
from encoder.proposal import Choice, Proposal
from encoder.usable_keys import default_keys
from encoder.wording import counted


def shown(proposal: Proposal) -> str:
    """For a person; headers only, never a cell."""
    extent = "all" if proposal.whole else "the first"
    lines = [f"{proposal.file}: {extent} {counted(proposal.rows, 'row was', 'rows were')} looked at"]
    if proposal.profile is not None:
        by = ", ".join(map(repr, proposal.by))
        lines += [f"Profile: {proposal.profile.name} ({proposal.profile.title}), by its headers {by}"]
        if proposal.profile.dates:
            lines.append(f"  its dates of birth are usually written like {proposal.profile.dates}")
    else:
        lines.append("Profile: none that is known")
    width = max(len(one.key) for one in proposal.choices)
    for one in proposal.choices:
        lines.append(f"  {one.key:{width}}  {_header(one)}  [{one.certainty}]")
        others = f"; might also be {', '.join(map(repr, one.alternatives))}" if one.alternatives else ""
        lines.append(f"  {'':{width}}  {one.why}{others}")
    if proposal.columns.date_order is not None:
        lines.append(f"  dates of birth are read in the order {proposal.columns.date_order}")
    whole, lacking = default_keys(identifiers_of(proposal.columns))
    lines.append(f"Default match-keys with all their fields: {', '.join(whole) or 'none'}")
    lines += [f"  {name} lacks {', '.join(fields)}" for name, fields in lacking.items()]
    lines += [f"Not used: {header!r}, {what}" for header, what in proposal.not_used.items()]
    lines += [f"WARNING: {header!r} may identify people: {'; '.join(why)}" for header, why in proposal.doubts.items()]
    lines += [f"Note: {note}" for note in proposal.notes]
    return "\n".join(lines) + "\n"


def _header(choice: Choice) -> str:
    if isinstance(choice.header, DateParts):
        return " + ".join(map(repr, (choice.header.day, choice.header.month, choice.header.year)))
    return repr(choice.header)


def facts(proposal: Proposal, out: Path | None) -> dict[str, Any]:
    """As JSON has it."""
    whole, lacking = default_keys(identifiers_of(proposal.columns))
    return {
        "file": str(proposal.file),
        "with": str(proposal.beside) if proposal.beside else None,
        "rows": proposal.rows,
        "whole": proposal.whole,
        "profile": proposal.profile.name if proposal.profile else None,
        "profiles": [one.name for one in proposal.profiles],
        "by": list(proposal.by),
        "sure": proposal.sure,
        "choices": {
            one.key: {
                "header": one.header.model_dump() if isinstance(one.header, DateParts) else one.header,
                "certainty": one.certainty,
                "why": one.why,
                "alternatives": list(one.alternatives),
            }
            for one in proposal.choices
        },
        "columns": proposal.columns.model_dump(exclude_none=True),
        "match_keys": {"whole": list(whole), "lacking": {name: list(fields) for name, fields in lacking.items()}},
        "not_used": dict(proposal.not_used),
        "doubts": {header: list(why) for header, why in proposal.doubts.items()},
        "notes": list(proposal.notes),
        "out": str(out) if out else None,
    }
