"""A1. Frequency alignment: the encoding that occurs most often is taken for the value that occurs most often.

Source: Niedermeyer, Steinmetzer, Kroll, Schnell, "Cryptanalysis of basic Bloom filters used for privacy preserving
record linkage", Journal of Privacy and Confidentiality 6(2), 2014; Christen, Schnell, Vatsalan, Ranbaduge, "Efficient
cryptanalysis of Bloom filters for privacy-preserving record linkage", PAKDD 2017; for exact match-keys, Vidanage,
Ranbaduge, Christen, Randall, "A privacy attack on multiple dynamic match-key based privacy-preserving record linkage",
International Journal of Population Data Science 5(1), 2020. An encoding that is a function of one value keeps the
value's frequency, hardened or not.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from encoder.match_keys import Encodings
from services.assurance.attacks.guess import Guess

Groups = NDArray[np.int64]


def align(victim: Encodings, listed: Encodings, rng: np.random.Generator) -> Groups:
    """For each row the value that it is taken for, as a group of `groups` of the list; -1 for an absent row.

    ``listed`` is encoded under a secret of the attacker: it serves to tell which listed rows have equal values.
    """
    theirs, known = groups(victim), groups(listed)
    by_rank, values = _falling(theirs, rng), _falling(known, rng)
    taken = np.full(int(theirs.max(initial=-1)) + 1, -1, np.int64)
    several = min(len(by_rank), len(values))
    taken[by_rank[:several]] = values[:several]
    return np.where(theirs >= 0, taken[theirs], -1) if len(taken) else theirs


def groups(encodings: Encodings) -> Groups:
    """Rows of equal encodings have equal numbers, from 0; absent rows have -1. int64 (rows,)."""
    found = np.full(len(encodings.present), -1, np.int64)
    there = np.ascontiguousarray(encodings.bits[encodings.present])
    if len(there):
        found[encodings.present] = np.unique(there.view(f"V{there.shape[1]}").ravel(), return_inverse=True)[1]
    return found


def rightly_named(taken: Groups, listed: Encodings, truth: NDArray[np.int64]) -> tuple[int, int]:
    """How many present rows were taken for their own value, and how many are present."""
    named = taken >= 0
    return int(np.count_nonzero(groups(listed)[truth[named]] == taken[named])), int(np.count_nonzero(named))


def commonest(listed: Encodings) -> float:
    """Share of listed rows with the commonest value: what naming it for every row would get."""
    known = groups(listed)
    counts = np.bincount(known[known >= 0])
    return float(counts.max() / counts.sum()) if len(counts) else 0.0


def attack(victim: Mapping[str, Encodings], own: Mapping[str, Encodings], rng: np.random.Generator) -> Guess:
    """All match-keys together: a row is taken for a listed child whose encodings occur as often under every match-key,
    absent ones too; among those that are alike, for any."""
    theirs, known = _signatures(victim), _signatures(own)
    both, kinds = np.unique(np.concatenate([theirs, known]), axis=0, return_inverse=True)
    of_victim, of_list = kinds.ravel()[: len(theirs)], kinds.ravel()[len(theirs) :]
    target, sure = np.full(len(theirs), -1, np.int64), np.zeros(len(theirs))
    for kind in range(len(both)):
        rows, candidates = np.flatnonzero(of_victim == kind), rng.permutation(np.flatnonzero(of_list == kind))
        several = min(len(rows), len(candidates))
        target[rows[:several]] = candidates[:several]
        sure[rows[:several]] = 1 / max(len(candidates), 1)
    return Guess(target, sure)


def _falling(of_rows: Groups, rng: np.random.Generator) -> Groups:
    """The groups by falling size; those of equal size in no order."""
    sizes = np.bincount(of_rows[of_rows >= 0])
    shuffled = rng.permutation(len(sizes))
    return shuffled[np.argsort(-sizes[shuffled], kind="stable")].astype(np.int64)


def _signatures(encodings: Mapping[str, Encodings]) -> NDArray[np.int64]:
    """How often each row's encoding occurs, one column per match-key, 0 for an absent one."""
    columns = []
    for one in encodings.values():
        of_rows = groups(one)
        sizes = np.append(np.bincount(of_rows[of_rows >= 0]), 0)
        columns.append(sizes[of_rows])
    return np.stack(columns, axis=1)
