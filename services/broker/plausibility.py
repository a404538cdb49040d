"""Uploads that no honest holder makes: refused before anything of them is kept.

1. As many rows as the agreement's minimum have an encoding. A row without any asks nothing, so it hides nobody.
2. No encoding is all zeros or all ones. This is all that can be said of one token of an exact match-key: honest rows
   share tokens (twins a date of birth, several rows of one child an NHS number), so no token stands too often.
3. A plain encoding has no more bits set than the features of its match-key have.
4. A hardened encoding has as many bits set as `honest_bits` says: half of them within six sigma or a little more, or
   fewer where a row may have few identifiers.
5. Of a random sample of rows, no more look like another row of the upload than the agreement's ``repeats_percent``,
   and six sigma. Two rows look alike if they are similar under every fuzzy match-key that both have, and there is one;
   rows that have none, if their exact tokens are all the same.

None of this tells made-up children from real ones: whoever knows the secret can encode anybody.
"""

from collections.abc import Callable, Mapping, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from keys.honest import SIGMAS, honest_bits
from keys.terms import Encoding, ExactKey, FuzzyKey, Terms
from matcher.candidates import find_pairs, similarities
from matcher.encodings import Encodings
from matcher.errors import FloodError
from matcher.estimate import noise_floor
from matcher.measures import Measure
from services.broker.errors import Refused

SAMPLE = 1000
ALIKE_BY_CHANCE = 1e-3
"""How many unrelated rows of the upload look like a sampled one under one hardened match-key."""


def require_plausible(
    records: NDArray[np.void],
    *,
    terms: Terms,
    holder: str,
    random: Callable[[int], bytes],
    budget: int,
    threads: int = 1,
) -> None:
    """Check the records (keys.layout.upload_record) of ``holder``. ``random`` draws the sample: nobody foresees it.

    Takes memory for a copy of the encodings and ``budget`` bytes for pairs. Raises ``Refused``.
    """
    encodings = {
        key: Encodings.from_bytes(records[key.name], records[f"present/{key.name}"] == 1)
        for key in terms.keys_of(holder)
    }
    there = np.flatnonzero(np.logical_or.reduce([one.present for one in encodings.values()]))
    if len(there) < terms.minimum_rows:
        raise Refused(
            f"Fewer rows of the upload have an encoding than the agreement's minimum of {terms.minimum_rows}.",
            remedy="Check that the columns file names the right columns; small uploads could be used to ask about "
            "single children.",
        )  # 1
    _check_bits(encodings, terms.encoding)
    if terms.repeats_percent < 100:
        sampled = _draw(there, random)
        try:
            repeats = _repeats(encodings, sampled, terms, budget=budget, threads=threads)
        except FloodError:  # a run would stop at this, too
            raise _too_many_repeats(terms) from None
        share = terms.repeats_percent / 100
        if repeats > len(sampled) * share + SIGMAS * sqrt(len(sampled) * share * (1 - share)):
            raise _too_many_repeats(terms)  # 5


def _check_bits(encodings: Mapping[FuzzyKey | ExactKey, Encodings], encoding: Encoding) -> None:
    fuzzy = sum(int(one.present.sum()) for key, one in encodings.items() if isinstance(key, FuzzyKey))
    for key, one in encodings.items():
        bits = np.bitwise_count(one.bits).sum(axis=1, dtype=np.int64)[one.present]
        if ((bits == 0) | (bits == one.length)).any():
            raise _implausible(key, "are all zeros or all ones")  # 2
        if isinstance(key, FuzzyKey):
            fewest, most = honest_bits(key, encoding, encodings=fuzzy)
            if (bits > most).any():
                raise _implausible(key, "have more bits set than any row can have")  # 3, 4
            if (bits < fewest).any():
                raise _implausible(key, "have fewer bits set than any row can have")  # 4


def _draw(rows: NDArray[np.int64], random: Callable[[int], bytes]) -> NDArray[np.int64]:
    """All of ``rows`` if there are few, or `SAMPLE` of them, each as likely as any other."""
    if len(rows) <= SAMPLE:
        return rows
    lots = np.frombuffer(random(8 * len(rows)), dtype=np.uint64)
    return rows[np.argpartition(lots, SAMPLE)[:SAMPLE]]


def _repeats(
    encodings: Mapping[FuzzyKey | ExactKey, Encodings],
    sampled: NDArray[np.int64],
    terms: Terms,
    *,
    budget: int,
    threads: int,
) -> int:
    """How many of the sampled rows look like another row. Raises ``FloodError``."""
    fuzzy = [one for key, one in encodings.items() if isinstance(key, FuzzyKey)]
    exact = [one for key, one in encodings.items() if isinstance(key, ExactKey)]
    repeated = _similar(fuzzy, sampled, terms, budget=budget, threads=threads)
    if exact:
        without = ~np.logical_or.reduce([one.present for one in fuzzy], axis=0)
        repeated |= _same(exact, np.broadcast_to(without, exact[0].rows))[sampled]
    return int(repeated.sum())


def _similar(
    fuzzy: Sequence[Encodings], sampled: NDArray[np.int64], terms: Terms, *, budget: int, threads: int
) -> NDArray[np.bool_]:
    """Which of the sampled rows, bool (sampled,), have a row that is similar under every match-key of both."""
    repeated = np.zeros(len(sampled), np.bool_)
    samples = [Encodings(one.bits[sampled], one.present[sampled]) for one in fuzzy]
    hardening = terms.encoding.hardening
    measure: Measure = "hamming" if hardening else "dice"
    floor = terms.decision.plain_floor
    if hardening and fuzzy:
        floor = noise_floor(len(sampled), fuzzy[0].rows, hardening.length, ALIKE_BY_CHANCE * len(sampled))
    for sample, whole in zip(samples, fuzzy, strict=True):
        # Half of the budget for the pairs, half for looking them up under the other match-keys.
        pairs = find_pairs(sample, whole, measure=measure, floor=floor, budget=budget // 2, threads=threads)
        others = (sampled[pairs.left] != pairs.right) & ~repeated[pairs.left]
        left, right = pairs.left[others], pairs.right[others]
        for one_sample, one_whole in zip(samples, fuzzy, strict=True):
            unlike = similarities(one_sample, one_whole, left, right, measure) < np.float32(floor)  # NaN: not both
            left, right = left[~unlike], right[~unlike]
        repeated[left] = True
    return repeated


def _same(exact: Sequence[Encodings], rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the given rows, bool (all rows,), have the same tokens as another of them."""
    which = np.flatnonzero(rows & np.logical_or.reduce([one.present for one in exact]))
    tokens = np.hstack([one.bits[which] for one in exact])  # absent ones are zeros
    _, group, sizes = np.unique(tokens, axis=0, return_inverse=True, return_counts=True)
    same = np.zeros(len(rows), np.bool_)
    same[which] = sizes[group] > 1
    return same


def _implausible(key: FuzzyKey | ExactKey, what: str) -> Refused:
    return Refused(
        f"The upload is not plausible: encodings under the match-key {key.name} {what}.",
        remedy="Encode again with a current version of the tool, from the file as your system made it.",
    )


def _too_many_repeats(terms: Terms) -> Refused:
    return Refused(
        "The upload is not plausible: more rows look like another row of it than the agreement's "
        f"{terms.repeats_percent} percent.",
        remedy="Keep one row per child in the file and check that the columns file names the right columns, "
        "or agree on more repeats.",
    )
