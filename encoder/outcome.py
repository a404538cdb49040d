"""The outcome of a run in words, as ``counterfoil status`` and an IG lead's decision show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keys.protocol import State
from keys.terms import Release, Suppression, Terms


def tell(outcome: Mapping[str, Any], terms: Terms) -> list[str]:
    """One line per fact. ``outcome`` is what the broker gives with the status of a run; its counts are suppressed."""
    rule = terms.suppression
    lines = (
        _overlaps(outcome, terms) if terms.release is Release.COUNT else [f"links: {_count(outcome, 'links', rule)}"]
    )
    lines.append(f"possible links: {_count(outcome, 'possible_links', rule)}")
    lines += [
        f"match-key {name}: pairs were left out, of values that very many rows share or of too many weak ones"
        for name in outcome.get("left_out") or ()
    ]
    for name in outcome.get("duplicates") or {}:
        count = _count(outcome["duplicates"], name, rule)
        lines.append(f"rows of {name} that look like another row of it: {count}")
    lines.append(f"match-keys: {', '.join(outcome.get('match_keys') or ())}")
    lines.append(f"linked from a probability of {outcome.get('threshold')} on")
    return lines


def told_awaited(status: Mapping[str, Any]) -> list[str]:
    """One line on control rows that a run still waits for, if it does: nobody is told the outcome before."""
    names = (status.get("control_rows") or {}).get("awaited") if status["state"] == State.MATCHED else None
    return [f"control rows are not opened yet by: {', '.join(names)}; counts follow once they are"] if names else []


def _overlaps(outcome: Mapping[str, Any], terms: Terms) -> list[str]:
    shown = outcome.get("overlaps") or []
    names = [holder.name for holder in terms.holders]
    hidden = _not_shown(terms.suppression)
    if len(names) == 2 and not shown:
        return [f"children known to {_joined(names)}: {hidden}"]
    lines = [
        f"children known to {_joined(one['holders'])}{'' if len(one['holders']) == len(names) else ' only'}: "
        f"{_count(one, 'links', terms.suppression)}"
        for one in shown
    ]
    if len(shown) < 2 ** len(names) - len(names) - 1:
        lines.append(f"children known to any{' other' if shown else ''} set of holders: {hidden}")
    return lines


def _count(counts: Mapping[str, Any], name: str, rule: Suppression) -> str:
    value = counts.get(name)
    if value is None:
        return _not_shown(rule)
    return f"{value:,}" + (f" (to the nearest {rule.round_to})" if rule.round_to > 1 else "")


def _not_shown(rule: Suppression) -> str:
    return f"not shown (fewer than {rule.below}, or nearly all rows of a holder)"


def _joined(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
