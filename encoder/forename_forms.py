"""Forms of one forename (Bill and William, Ayesha and Aisha), written as one where the agreement says so.

1. A name goes through the rules of ``names`` first, and through ``scripts`` where the agreement says so. So a form is
   found however it was written, and no placeholder is made.
2. Every word of the name that stands in the table becomes the first form of its group; all other words stay.
3. No form is in two groups, so that a joined name stays as it is. One that is short for several names is in the group
   where it is by far the commonest in England, or in none.
4. A man's and a woman's name are never in one group, nor are two names that sisters or brothers bear today.

The table is ``forename_forms.txt``: a group per line, the form that is written first; lines with # say what follows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from encoder.findings import Reading


def join_forms(reading: Reading) -> Reading:
    """A normalised forename with every word in the first form of its group. What was found in reading it stays."""
    firsts = first_forms()
    return reading._replace(value=" ".join(firsts.get(word, word) for word in reading.value.split(" ")))


@cache
def groups() -> tuple[tuple[str, ...], ...]:
    """The groups of the table, each with its first form first."""
    lines = (files("encoder") / "forename_forms.txt").read_text(encoding="utf-8").splitlines()
    return tuple(tuple(line.split()) for line in lines if line and not line.startswith("#"))


@cache
def first_forms() -> Mapping[str, str]:
    """Form -> the first form of its group, for every form of the table that is not the first."""
    return MappingProxyType({form: first for first, *others in groups() for form in others})


@cache
def forms_digest() -> str:
    """SHA-256, 64 hexadecimal digits, of what every form becomes: lines of the form, a tab and the first form of its
    group, in the order of their letters."""
    lines = sorted(f"{form}\t{first}\n" for form, first in first_forms().items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()
