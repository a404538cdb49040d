"""Looks for bytes, texts and scores in what a broker has said, in the spellings that careless code would give them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.wire import disguises

_PIECE = 8
"""So many bytes of a secret are enough to know it by: a short form of it, as in the names of files, is found too."""

_SHORTEST = 5
"""No way of writing anything is shorter."""


@dataclass(repr=False)
class Secrets:
    """What must not be said, by what it is; ``spelled`` has every way of writing one."""

    spelled: dict[bytes, str] = field(default_factory=dict)

    def add_bytes(self, what: str, *values: bytes) -> None:
        for value in values:
            assert len(value) >= _PIECE, what
            for way in spellings(value):
                self.spelled[way] = what

    def add_texts(self, what: str, values: Iterable[str]) -> None:
        for value in values:
            assert len(value) >= 5, f"{what}: too short to be told from anything else"
            for way in disguises(value):
                self.spelled[way] = what

    def add_scores(self, what: str, values: Iterable[float]) -> None:
        """Only those that have enough digits to be told from other numbers."""
        for value in values:
            if len(f"{value:.17g}") > 10:
                for way in (f"{value:.6f}"[1:], f"{value:.5f}"[1:], f"{100 * value:.4f}"):
                    self.spelled[way.encode()] = what

    def within(self, said: bytes) -> set[str]:
        """What stands in it, in any spelling."""
        starts = {said[at : at + _SHORTEST] for at in range(len(said))}  # one look through, not one for each way
        return {what for way, what in self.spelled.items() if way[:_SHORTEST] in starts and way in said}

    def kinds(self) -> set[str]:
        return set(self.spelled.values())


def spellings(value: bytes) -> set[bytes]:
    """Hexadecimal, base64 at each alignment, decimal, ``repr``, a list of numbers, a UUID: of all or its start."""
    ways: set[bytes] = set()
    for part in (value, value[:_PIECE]):
        hexed = part.hex()
        ways |= {part, hexed.encode(), hexed.upper().encode(), " ".join(f"{one:02x}" for one in part).encode()}
        ways |= {", ".join(map(str, part)).encode(), " ".join(map(str, part)).encode()}
        for order in ("big", "little"):
            ways.add(str(int.from_bytes(part, order)).encode())
        for shift in range(3):
            coded = base64.b64encode(bytes(shift) + part)
            kept = coded[-(-8 * shift // 6) : (8 * (shift + len(part))) // 6]
            ways |= {kept, kept.replace(b"+", b"-").replace(b"/", b"_")}
        shown = repr(part)[2:-1]
        ways |= {shown.encode(), json.dumps(shown)[1:-1].encode()}
    if len(value) == 16:
        hexed = value.hex()
        ways.add("-".join((hexed[:8], hexed[8:12], hexed[12:16], hexed[16:20], hexed[20:])).encode())
    return ways


def written_on_purpose(value: bytes) -> Mapping[str, str]:
    """A secret as code might log it, by the name of the way."""
    return {
        "hex": f"upload of {value.hex()}",
        "short hex": value.hex()[:16],
        "base64": f"x{base64.b64encode(b'ab' + value).decode()}",
        "decimal": f"n={int.from_bytes(value, 'big')}",
        "repr": f"could not open {value!r}",
        "list": str(list(value)),
    }
