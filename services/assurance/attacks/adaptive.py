"""A6: whoever knows how hardening works, and takes all match-keys of a row together.

The attacker has a plaintext list, the agreement without its secret, and the victim's encodings. It expects of each pair
of its list a similarity for every match-key, and looks for the assignment of the victim's rows to its own under which
the similarities that it sees are likeliest: messages along strong edges name some rows, which then serve as known
pairs; where that names few, assignments are sampled. The problem is quadratic assignment (Vogelstein and others, "Fast
approximate quadratic programming for graph matching", 2015), with a likelihood for an objective.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from matcher.encodings import Encodings
from services.assurance.attacks.graph import Reals, expected, strongest, structure
from services.assurance.attacks.guess import Guess
from services.assurance.attacks.messages import believe
from services.assurance.attacks.sampling import draw

_HEAVY = 8.0  # half a sum of squared z-scores: of a pair along which a message goes
_NAMED = 0.02  # share of rows that messages must name, or assignments are sampled
_PER_KEY = -6.0  # nats, for a match-key that a row has on one side alone
_KNOWN = 1e3
_TOKEN_WORDS = 2  # an exact match-key has no more


def attack(
    victim: Mapping[str, Encodings],
    own: Sequence[Mapping[str, Encodings]],
    known_seeds: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    power: int = 1,
) -> Guess:
    """``own`` is the attacker's list by match-key, once for each secret of its own; ``power`` is 1 where it is encoded
    as the victim's rows are, or the number of bits in an XOR, where it is base filters (``population.own_filters``).

    ``known_seeds`` is int64 (pairs, 2): rows of the victim and of the list that are known to be one child. Exact
    match-keys serve by who has them and who has not. Memory grows with the product of both sides' rows, by some 60
    bytes for each: for lists of some thousands.
    """
    keys = [key for key in own[0] if key in victim and victim[key].words > _TOKEN_WORDS]
    rows = next(iter(victim.values())).rows
    if not rows or not keys:
        return Guess(np.full(rows, -1, np.int64), np.zeros(rows))
    side = structure(victim, keys)
    strong = strongest(side, most=8, least=_HEAVY)
    edges = expected(own, keys, side, power=power)
    prior = _prior(victim, own[0], known_seeds)
    belief = believe(side, strong, edges, prior)
    target, sure = belief.argmax(axis=1).astype(np.int64), belief.max(axis=1).astype(np.float64)
    if edges.rows >= rows and np.mean(sure > 0.5) < _NAMED + len(known_seeds) / rows:
        target, sure = draw(side, strong, edges, prior, known_seeds, rng).commonest()
    return Guess(target, sure)


def _prior(victim: Mapping[str, Encodings], own: Mapping[str, Encodings], known: NDArray[np.int64]) -> Reals:
    """Nats for each row of the victim and of the list, by which match-keys they have, and by what is known."""
    shared = [key for key in victim if key in own]
    has, listed = (np.stack([side[key].present for key in shared], axis=1).astype(np.float32) for side in (victim, own))
    unlike = has @ (1 - listed).T + (1 - has) @ listed.T
    prior = np.asarray(_PER_KEY * unlike, dtype=np.float32)
    for row, target in known.tolist():
        prior[row] -= _KNOWN
        prior[:, target] -= _KNOWN
        prior[row, target] = _KNOWN
    return prior
