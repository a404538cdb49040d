"""Who a row may be before any similarity is looked at: by which match-keys it has, and by which pairs are known.

Rows that have the same match-keys are one pattern, and there are few patterns: a table of them says what a table of all
pairs of rows would.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher._kernel_jit import compiled
from matcher.encodings import Encodings
from services.assurance.attacks.graph import Numbers, Reals

_PER_KEY = -6.0  # nats, for a match-key that a row has on one side alone
_KNOWN = 1e3


class Prior(NamedTuple):
    """Nats: row i of the victim is row c of the list by ``table[of_row[i], of_list[c]]``, float32 (patterns of the
    victim, patterns of the list). ``known`` is int64 (victim rows,): the row of the list that it is known to be, or -1;
    that pair is beyond doubt, and any other of the same rows out of the question."""

    table: Reals
    of_row: Numbers
    of_list: Numbers
    known: Numbers

    def __repr__(self) -> str:
        return f"Prior(rows={len(self.of_row)}, listed={len(self.of_list)})"


def prior_of(victim: Mapping[str, Encodings], own: Mapping[str, Encodings], known: NDArray[np.int64]) -> Prior:
    """``known`` is int64 (pairs, 2): rows of the victim and of the list. All match-keys count that both sides have."""
    shared = [key for key in victim if key in own]
    has, of_row = _patterns(victim, shared, known[:, 0])
    listed, of_list = _patterns(own, shared, known[:, 1])
    unlike = has[:, 1:] @ (1 - listed[:, 1:]).T + (1 - has[:, 1:]) @ listed[:, 1:].T
    table = _PER_KEY * unlike - _KNOWN * (has[:, :1] + listed[:, 0])
    target = np.full(len(of_row), -1, np.int64)
    target[known[:, 0]] = known[:, 1]
    return Prior(table.astype(np.float32), of_row, of_list, target)


def _patterns(side: Mapping[str, Encodings], shared: list[str], known: NDArray[np.int64]) -> tuple[Reals, Numbers]:
    """Which patterns there are, float32 (patterns, 1 + match-keys), whether known first; and each row's."""
    is_known = np.zeros(side[shared[0]].rows, np.bool_)
    is_known[known] = True
    has = np.stack([is_known, *(side[key].present for key in shared)], axis=1).astype(np.float32)
    patterns, of_row = np.unique(has, axis=0, return_inverse=True)
    return patterns, of_row.reshape(-1).astype(np.int64)


@compiled
def nats_of(prior: Prior, i: int, c: int) -> float:
    """What the prior says of one pair."""
    if prior.known[i] == c:
        return _KNOWN
    return float(prior.table[prior.of_row[i], prior.of_list[c]])
