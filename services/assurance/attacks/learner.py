"""A7: whoever knows some rows of the victim learns from them what bits say of names, and names the others.

After the neural pattern learning attack (NEPAL, 2025): q-grams are predicted from encodings as one label each, learnt
from pairs of plaintext and encoding that are known. Here the learner is naive Bayes over bits (Maron, "Automatic
indexing", 1961), on those bits that differ more than chance has it; there are too few known pairs to fit much more.
What q-grams a row seems to have then ranks the people of the list.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoder.identifiers import Identifiers
from matcher.encodings import Encodings
from services.assurance.attacks.alike import TOKEN_WORDS
from services.assurance.attacks.guess import Guess

_CUT = ("forename", "surname", "postcode")
_WHOLE = ("day", "month", "year")
_TELLS = 2.5  # standard errors by which the share of a bit differs between rows with a q-gram and others
_SEEN = 2  # known rows that have a q-gram, or it is not learnt

Reals = NDArray[np.float32]


@dataclass(frozen=True, repr=False)
class Learnt:
    """``score``: float32 (victim rows, q-grams), log-odds that a row has one. ``has``: bool (list rows, q-grams)."""

    score: Reals
    has: NDArray[np.bool_]


@dataclass(frozen=True)
class Recovered:
    """Of as many q-grams as a row has on average, the likeliest of each row: which share is right (``precision``) and
    which share of all is found (``recall``); and both for the commonest q-grams in place of those predicted."""

    precision: float
    recall: float
    base_precision: float
    base_recall: float


def attack(
    victim: Mapping[str, Encodings],
    identifiers: Identifiers,
    known_seeds: NDArray[np.int64],
    rng: np.random.Generator,
) -> Guess:
    """Name each row by who of the list has the q-grams that it seems to have. ``identifiers`` are those of the list.

    ``known_seeds`` is int64 (pairs, 2): rows of the victim and of the list that are known to be one child; a known row
    is named as it is known. Rows that are alike to the attack are told apart by ``rng``. Without known pairs, or
    without a q-gram that two of them share, nobody else is named.
    """
    rows = next(iter(victim.values())).rows
    target, confidence = np.full(rows, -1, np.int64), np.zeros(rows)
    learnt = learn(victim, identifiers, known_seeds)
    if rows and learnt.score.size:
        fits = learnt.score @ _centred(learnt.has).T
        fits[:, known_seeds[:, 1]] = -np.inf
        fits += rng.random(fits.shape, np.float32) * np.float32(1e-6)
        if len(known_seeds) < identifiers.rows - 1:
            best = np.partition(fits, -2, axis=1)
            target, confidence = fits.argmax(axis=1).astype(np.int64), (best[:, -1] - best[:, -2]).astype(np.float64)
    target[known_seeds[:, 0]] = known_seeds[:, 1]
    confidence[known_seeds[:, 0]] = np.inf
    return Guess(target, confidence)


def learn(victim: Mapping[str, Encodings], identifiers: Identifiers, known_seeds: NDArray[np.int64]) -> Learnt:
    """What every row of the victim says of every q-gram that known rows share."""
    bits = _bits(victim)
    grams = _grams(identifiers)
    of_known = grams[known_seeds[:, 1]]
    count = of_known.sum(axis=0)
    grams = grams[:, (count >= _SEEN) & (count <= len(of_known) - _SEEN)]
    labels = grams[known_seeds[:, 1]].astype(np.float32)
    seen = bits[known_seeds[:, 0]]
    having, others = labels.sum(axis=0)[:, None], (1 - labels).sum(axis=0)[:, None]
    p = (labels.T @ seen + 0.5) / (having + 1)
    q = ((1 - labels).T @ seen + 0.5) / (others + 1)
    error = np.sqrt(q * (1 - q) * (1 / having + 1 / others))
    tells = np.abs(p - q) > _TELLS * error
    if_set, if_not = np.where(tells, np.log(p / q), 0), np.where(tells, np.log((1 - p) / (1 - q)), 0)
    score = bits @ (if_set - if_not).T + if_not.sum(axis=1) + np.log((having / others)[:, 0])
    return Learnt(score.astype(np.float32), grams)


def recovered(learnt: Learnt, truth: NDArray[np.int64], known_seeds: NDArray[np.int64]) -> Recovered:
    """How well q-grams of rows that are not known were predicted; ``truth`` is int64, a row of the list for each."""
    unknown = np.setdiff1d(np.arange(len(truth)), known_seeds[:, 0])
    has = learnt.has[truth[unknown]]
    most = round(float(has.sum(axis=1).mean())) if has.size else 0
    if not most:
        return Recovered(0, 0, 0, 0)
    common = np.broadcast_to(learnt.has[known_seeds[:, 1]].sum(axis=0), has.shape)
    shares = []
    for score in (learnt.score[unknown], common):
        chosen = np.argsort(-score, axis=1, kind="stable")[:, :most]
        hits = float(np.take_along_axis(has, chosen, axis=1).sum())
        shares += [hits / chosen.size, hits / has.sum()]
    return Recovered(*(float(share) for share in shares))


def _bits(victim: Mapping[str, Encodings]) -> Reals:
    """The bits of every fuzzy match-key side by side, float32 (rows, bits); half a bit where a row has no encoding."""
    parts = [np.zeros((next(iter(victim.values())).rows, 0), np.float32)]
    for one in victim.values():
        if one.words > TOKEN_WORDS:
            bits = np.unpackbits(one.bits.view(np.uint8), axis=1).astype(np.float32)
            bits[~one.present] = 0.5
            parts.append(bits)
    return np.concatenate(parts, axis=1)


def _grams(identifiers: Identifiers) -> NDArray[np.bool_]:
    """Which bigrams of names and postcode, and which days, months and years, each row has: bool (rows, q-grams)."""
    tables = [np.zeros((identifiers.rows, 0), np.bool_)]
    for field in (*_CUT, *_WHOLE):
        if field in identifiers.columns:
            column = identifiers.columns[field]
            cut = [_cut(value) if field in _CUT else {value} - {""} for value in column.values]
            place = {gram: at for at, gram in enumerate(sorted(set().union(*cut)))}
            table = np.zeros((len(cut), len(place)), np.bool_)
            for row, grams in enumerate(cut):
                table[row, [place[gram] for gram in grams]] = True
            tables.append(table[column.codes])
    return np.concatenate(tables, axis=1)


def _cut(value: str) -> set[str]:
    padded = f" {value} "
    return {padded[at : at + 2] for at in range(len(padded) - 1)} if value else set()


def _centred(has: NDArray[np.bool_]) -> Reals:
    """Less the mean of each q-gram, at unit length, so that a long name does not fit everybody."""
    less = has - has.mean(axis=0, dtype=np.float32)
    return np.asarray(less / np.maximum(np.linalg.norm(less, axis=1, keepdims=True), 1e-6), dtype=np.float32)
