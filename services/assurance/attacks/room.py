"""How many candidates of each row graph matching may keep, in the memory that it is given.

Memory is that of its tables, beside what any Python process takes, counted from their shapes. Nothing in it grows with
the pairs of rows.
"""

from __future__ import annotations

from encoder.errors import InputError

MEMORY = 1 << 10
"""MiB, if nothing else is said."""
MOST = 256
"""Candidates of each row. With more, no list of 1,000 that was tried had more rows named rightly (docs/adr/0103)."""
FEWEST = 64
STRONG = 8
"""Strong edges that each row chooses: of both ends, so that there are 16 for each row at most."""

_MIB = 1 << 20
_ROW = 8_000  # bytes under one match-key: encodings under all secrets, expected edges, draws
_CANDIDATE = 36  # two states and two beliefs
_MESSAGE = 8  # two states


def candidates(rows: int, listed: int, keys: int, *, memory: int, edges: int | None = None) -> int:
    """Of each of so many ``rows``, with a graph of each of so many ``keys``, in ``memory`` MiB: not more than are
    ``listed``.

    ``edges``: strong ones, seen from both ends; as many as there may be if they are not known yet. Raises
    ``InputError`` where fewer than 64 fit.
    """
    each = _CANDIDATE * rows + _MESSAGE * (2 * STRONG * rows if edges is None else edges)
    fixed = _ROW * keys * (rows + listed) // 2
    least = min(FEWEST, listed)
    fit = (memory * _MIB - fixed) // max(1, each)
    if fit < least:
        needed = -(-(fixed + least * each) // _MIB)
        raise InputError(
            f"Graph matching of a list of {listed:,} children takes {needed:,} MiB, and may take {memory:,}.",
            where="--memory",
            remedy=f"Allow --memory {needed} on a machine that has it, or match a shorter list (--matched).",
        )
    return min(MOST, listed, fit)
