"""Uploads that no honest holder makes: refused before anything of them is kept.

1. As many rows as the agreement's minimum have an encoding. A row without any asks nothing, so it hides nobody.
2. No encoding is all zeros or all ones. This is all that can be said of one token of an exact match-key: honest rows
   share tokens (twins a date of birth, several rows of one child an NHS number), so no token stands too often.
3. A plain encoding has no more bits set than the features of its match-key have.
4. A hardened encoding has as many bits set as `honest_bits` says: half of them within six sigma or a little more, or
   fewer where a row may have few identifiers.
5. Of a random sample of rows, no more look like another row of the upload than the agreement's ``repeats_percent``,
   and six sigma. Two rows look alike if they are similar under every fuzzy match-key that both have, and there is one,
   and share the token of a tuple, if both have one; rows without a fuzzy match-key, if their tokens are all the same.

None of this tells made-up children from real ones: whoever knows the secret can encode anybody.

The records pass by twice, some thousands at a time: first they are counted, and a sample of them is drawn and kept;
then the sample is compared with all of them. So the memory does not depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from keys.honest import SIGMAS, honest_bits
from keys.terms import ExactKey, FuzzyKey, Terms
from matcher.candidates import similarities, stream_pairs
from matcher.encodings import Encodings
from matcher.estimate import noise_floor
from matcher.exact import compare
from matcher.measures import Measure
from matcher.pairs import BYTES_PER_PAIR
from services.broker.errors import Refused
from services.broker.uploads.lots import Lots

SAMPLE = 1000
ALIKE_BY_CHANCE = 1e-3
"""How many unrelated rows of the upload look like a sampled one under one hardened match-key."""
BLOCK_BYTES = 1 << 23
"""Of records that are compared at once, and of their pairs."""

Records = NDArray[np.void]
Blocks = Callable[[], Iterable[Records]]
Key = FuzzyKey | ExactKey


def require_plausible(
    blocks: Blocks,
    *,
    terms: Terms,
    holder: str,
    random: Callable[[int], bytes],
    budget: int,
    threads: int = 1,
) -> None:
    """Check the records (keys.layout.upload_record) of ``holder``. ``random`` draws the sample: nobody foresees it.

    ``blocks`` gives all records in their order, in blocks of any size, each time that it is called; what it raises
    passes through. ``budget``: the bytes that a run has for pairs. Raises ``Refused``.
    """
    keys = terms.keys_of(holder)
    count, lots = _Count(keys), Lots(SAMPLE, random)
    for block in blocks():
        there = count.add(block)
        lots.add(block, there)
    if count.there < terms.minimum_rows:
        raise Refused(
            f"Fewer rows of the upload have an encoding than the agreement's minimum of {terms.minimum_rows}.",
            remedy="Check that the columns file names the right columns; small uploads could be used to ask about "
            "single children.",
        )  # 1
    count.check_bits(terms)
    if terms.repeats_percent < 100:
        share, drawn = terms.repeats_percent / 100, len(lots.rows)
        sample = _Sample(lots, terms, holder, rows=count.rows)
        allowed = drawn * share + SIGMAS * sqrt(drawn * share * (1 - share))
        for start, block in _gathered(blocks()):
            sample.compare(start, block, budget=budget, threads=threads)
            if sample.repeats > allowed:
                raise _too_many_repeats(terms)  # 5


class _Count:
    """How many rows there are, and how few and many bits their encodings have."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.rows = self.there = 0
        self._encodings = dict.fromkeys(keys, 0)
        self._fewest: dict[Key, int] = {}
        self._most: dict[Key, int] = {}
        self._length: dict[Key, int] = {}

    def add(self, block: Records) -> NDArray[np.bool_]:
        """Which rows of the block have an encoding."""
        there = np.zeros(len(block), np.bool_)
        for key in self._encodings:
            one = _encodings(block, key)
            bits = np.bitwise_count(one.bits).sum(axis=1, dtype=np.int64)[one.present]
            there |= one.present
            self._encodings[key] += len(bits)
            self._length[key] = one.length
            if len(bits):
                self._fewest[key] = min(int(bits.min()), self._fewest.get(key, one.length))
                self._most[key] = max(int(bits.max()), self._most.get(key, 0))
        self.rows += len(block)
        self.there += int(there.sum())
        return there

    def check_bits(self, terms: Terms) -> None:
        fuzzy = sum(number for key, number in self._encodings.items() if isinstance(key, FuzzyKey))
        for key in self._encodings:
            if key not in self._fewest:
                continue
            if self._fewest[key] == 0 or self._most[key] == self._length[key]:
                raise _implausible(key, "are all zeros or all ones")  # 2
            if isinstance(key, FuzzyKey):
                fewest, most = honest_bits(key, terms.encoding, encodings=fuzzy)
                if self._most[key] > most:
                    raise _implausible(key, "have more bits set than any row can have")  # 3, 4
                if self._fewest[key] < fewest:
                    raise _implausible(key, "have fewer bits set than any row can have")  # 4


class _Sample:
    """The rows that were drawn, and which of them look like another row. ``rows``: of the whole upload."""

    def __init__(self, lots: Lots, terms: Terms, holder: str, *, rows: int) -> None:
        keys = terms.keys_of(holder)
        self._terms = terms
        self._rows = lots.rows
        self._fuzzy = {key: _encodings(lots.records, key) for key in keys if isinstance(key, FuzzyKey)}
        self._exact = [key for key in keys if isinstance(key, ExactKey)]
        self._tuples = {key.name: _encodings(lots.records, key) for key in self._exact if not key.of_number}
        self._repeated = np.zeros(len(lots.rows), np.bool_)
        self._pairs: dict[Key, int] = dict.fromkeys(self._fuzzy, 0)
        hardening = terms.encoding.hardening
        self._measure: Measure = "hamming" if hardening else "dice"
        self._floor = terms.decision.plain_floor
        if hardening and self._fuzzy:
            self._floor = noise_floor(len(lots.rows), rows, hardening.length, ALIKE_BY_CHANCE * len(lots.rows))
        self._bare = np.flatnonzero(self._is_bare(lots.records))
        self._tokens, self._group = np.unique(self._tokens_of(lots.records[self._bare]), return_inverse=True)
        self._seen = np.zeros(len(self._tokens), np.int64)

    @property
    def repeats(self) -> int:
        return int(self._repeated.sum())

    def compare(self, start: int, block: Records, *, budget: int, threads: int) -> None:
        """Compare with some records of the upload, the first of which is row ``start`` of it.

        Raises ``Refused`` when more pairs are alike under one match-key than half of ``budget`` would hold.
        """
        if self._fuzzy:
            self._look_alike(start, block, budget=budget, threads=threads)
        if self._exact:
            bare = self._tokens_of(block[self._is_bare(block)])
            mine = bare[np.isin(bare, self._tokens)]
            self._seen += np.bincount(np.searchsorted(self._tokens, mine), minlength=len(self._tokens))
            self._repeated[self._bare[self._seen[self._group] > 1]] = True

    def _look_alike(self, start: int, block: Records, *, budget: int, threads: int) -> None:
        whole = {key: _encodings(block, key) for key in self._fuzzy}
        tuples = {key.name: _encodings(block, key) for key in self._exact if key.name in self._tuples}
        for key, drawn in self._fuzzy.items():
            left_over = Encodings(drawn.bits, drawn.present & ~self._repeated)
            for pairs in stream_pairs(
                left_over,
                whole[key],
                measure=self._measure,
                floor=self._floor,
                budget=BLOCK_BYTES,
                threads=threads,
            ):
                self._pairs[key] += len(pairs)
                if self._pairs[key] > budget // 2 // BYTES_PER_PAIR:  # a run would stop at this, too
                    raise _too_many_repeats(self._terms)
                others = (self._rows[pairs.left] != pairs.right + start) & ~self._repeated[pairs.left]
                left, right = pairs.left[others], pairs.right[others]
                for other, sampled in self._fuzzy.items():
                    unlike = similarities(sampled, whole[other], left, right, self._measure) < np.float32(self._floor)
                    left, right = left[~unlike], right[~unlike]  # NaN, where not both have one, is not unlike
                self._repeated[left[_share_one(self._tuples, tuples, left, right)]] = True

    def _is_bare(self, block: Records) -> NDArray[np.bool_]:
        """Which rows have tokens of exact match-keys and nothing else."""
        fuzzy, exact = (np.zeros(len(block), np.bool_) for _ in range(2))
        for key in self._fuzzy:
            fuzzy |= block[f"present/{key.name}"] == 1
        for token in self._exact:
            exact |= block[f"present/{token.name}"] == 1
        return exact & ~fuzzy

    def _tokens_of(self, block: Records) -> NDArray[np.bytes_]:
        """All exact tokens of a row in one: bytes of one width, absent ones as zeros."""
        if not self._exact:
            return np.zeros(len(block), "S1")
        tokens = np.hstack([block[key.name] for key in self._exact])
        return np.ascontiguousarray(tokens).view(f"S{tokens.shape[1]}").reshape(len(block))


def _encodings(block: Records, key: Key) -> Encodings:
    return Encodings.from_bytes(block[key.name], block[f"present/{key.name}"] == 1)


def _share_one(
    sampled: Mapping[str, Encodings], block: Mapping[str, Encodings], left: NDArray[np.int32], right: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Which pairs share the token of some tuple, or do not both have one of any."""
    both, equal = np.zeros(len(left), np.bool_), np.zeros(len(left), np.bool_)
    for name, mine in sampled.items():
        said = compare(mine, block[name], left, right)
        both |= said != 0
        equal |= said == 1
    return equal | ~both


def _gathered(blocks: Iterable[Records]) -> Iterator[tuple[int, Records]]:
    """The same records in larger blocks, each with the number of its first row."""
    start, waiting, held = 0, list[Records](), 0
    for block in blocks:
        waiting.append(block)
        held += block.nbytes
        if held >= BLOCK_BYTES:
            whole = np.concatenate(waiting)
            yield start, whole
            start, waiting, held = start + len(whole), [], 0
    if waiting:
        yield start, np.concatenate(waiting)


def _implausible(key: Key, what: str) -> Refused:
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
