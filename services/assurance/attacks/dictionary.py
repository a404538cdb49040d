"""A0. Dictionary: who has the linkage secret encodes a list of everybody and looks encodings up in it.

This is the broker together with one holder, or a holder whose laptop was taken. Cryptography does not prevent it; it
shows how far the damage goes (Niedermeyer, Steinmetzer, Kroll, Schnell, "Cryptanalysis of basic Bloom filters used for
privacy preserving record linkage", Journal of Privacy and Confidentiality 6(2), 2014, name it as the limit of a keyed
encoding). The control is the same list under another secret, which must find nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from encoder.match_keys import Encodings
from services.assurance.attacks.guess import Guess


def attack(victim: Mapping[str, Encodings], listed: Mapping[str, Encodings]) -> Guess:
    """Name for each row the listed child with the most match-keys under which both have the same encoding."""
    rows = len(next(iter(victim.values())).present)
    target, agree = np.full(rows, -1, np.int64), np.zeros(rows)
    for name, of_victim in victim.items():
        found = _same(of_victim, listed[name])
        votes = np.array([_agree(victim, listed, row, place) if place >= 0 else 0 for row, place in enumerate(found)])
        better = votes > agree
        target[better], agree[better] = found[better], votes[better]
    return Guess(target, agree)


def _same(victim: Encodings, listed: Encodings) -> NDArray[np.int64]:
    """The place in the list of the first equal encoding, -1 without one."""
    places: dict[bytes, int] = {}
    for place in np.flatnonzero(listed.present).tolist():
        places.setdefault(listed.bits[place].tobytes(), place)
    return np.array(
        [
            places.get(bits.tobytes(), -1) if there else -1
            for bits, there in zip(victim.bits, victim.present, strict=True)
        ],
        np.int64,
    )


def _agree(victim: Mapping[str, Encodings], listed: Mapping[str, Encodings], row: int, place: int) -> int:
    return sum(
        bool(one.present[row] and listed[name].present[place])
        and bool((one.bits[row] == listed[name].bits[place]).all())
        for name, one in victim.items()
    )
