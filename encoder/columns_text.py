"""A proposal as a columns file: what is chosen, how sure it is, and what to look at."""

from __future__ import annotations

import json

from encoder.columns import DateParts, JoinHeaders
from encoder.proposal import Choice, Proposal

_ALL = ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number", "upn")


def columns_text(proposal: Proposal) -> str:
    """TOML with comments, from which ``load_columns`` reads ``proposal.columns``."""
    extent = "its" if proposal.whole else "the first"
    lines = [
        f"# Columns of {proposal.file.name!r}, from its headers and {extent} {proposal.rows:,} rows,",
        "# as `counterfoil columns` proposes them. Check every line, above all those that are not sure.",
    ]
    if proposal.profile is not None:
        lines.append(f"# Profile: {proposal.profile.name} ({proposal.profile.title}).")
    for choice in proposal.choices:
        if not choice.key.startswith("other."):
            lines += ["", _comment(choice), f"{choice.key} = {_value(choice.header)}"]
    if proposal.columns.date_order is not None:
        lines += ["", f'date_order = "{proposal.columns.date_order}"']
    given = {one.key.removeprefix("other.") for one in proposal.choices}
    if absent := [field for field in _ALL if field not in given]:
        lines += ["", f"# Not found: {', '.join(absent)}."]
    return "\n".join([*lines, *_other(proposal), *_remarks(proposal)]) + "\n"


def _other(proposal: Proposal) -> list[str]:
    other = proposal.columns.other
    if other is None:
        return []
    lines = ["", "[other]", "# What stands in a second file, which is given with --with."]
    for choice in proposal.choices:
        if choice.key == "other.on":
            lines += ["", _comment(choice), f"on = {_value(other.on)}"]
        elif choice.key.startswith("other."):
            lines += ["", _comment(choice), f"{choice.key.removeprefix('other.')} = {_value(choice.header)}"]
    return [*lines, *([f'date_order = "{other.date_order}"'] if other.date_order else [])]


def _remarks(proposal: Proposal) -> list[str]:
    lines = []
    if proposal.not_used:
        lines += ["", "# Known, and not used:"]
        lines += [f"#   {header!r}: {what}" for header, what in proposal.not_used.items()]
    if proposal.doubts:
        lines += ["", "# Not named above, but may identify people:"]
        lines += [f"#   {header!r}: {'; '.join(why)}" for header, why in proposal.doubts.items()]
    if proposal.notes:
        lines += ["", *(f"# {_flat(note)}" for note in proposal.notes)]
    return lines


def _comment(choice: Choice) -> str:
    others = f" Others: {', '.join(map(repr, choice.alternatives))}." if choice.alternatives else ""
    return f"# {choice.certainty}: {_flat(choice.why)}.{others}"


def _value(header: str | DateParts | JoinHeaders) -> str:
    if isinstance(header, str):
        return _quoted(header)
    return f"{{{', '.join(f'{key} = {_quoted(value)}' for key, value in header.model_dump().items())}}}"


def _quoted(text: str) -> str:
    """A string of TOML: that of JSON, but for one control character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _flat(text: str) -> str:
    """In one line, with nothing that a comment may not hold: a path may have line ends in it."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
