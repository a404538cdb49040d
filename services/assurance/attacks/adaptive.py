"""A6: whoever knows how hardening works, and takes all match-keys of a row together.

The attacker has a plaintext list, the agreement without its secret, and the victim's encodings. It expects of each pair
of its list a similarity for every match-key, and looks for the assignment of the victim's rows to its own under which
the similarities that it sees are likeliest: messages along strong edges name some rows, which then serve as known
pairs; where that names few, assignments are sampled, those rather to which messages lean. The problem is quadratic
assignment (Vogelstein and others, "Fast approximate quadratic programming for graph matching", 2015), with a likelihood
for an objective.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from matcher.encodings import Encodings
from services.assurance.attacks.alike import even, shared, tokens_of
from services.assurance.attacks.expected import expected
from services.assurance.attacks.graph import strongest, structure
from services.assurance.attacks.guess import Guess
from services.assurance.attacks.messages import believe
from services.assurance.attacks.prior import prior_of
from services.assurance.attacks.room import MEMORY, STRONG, candidates
from services.assurance.attacks.sampling import draw

_HEAVY = 8.0  # half a sum of squared z-scores: of a pair along which a message goes
_NAMED = 0.02  # share of rows that messages must name, or assignments are sampled


def attack(
    victim: Mapping[str, Encodings],
    own: Sequence[Mapping[str, Encodings]],
    known_seeds: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    power: int = 1,
    memory: int = MEMORY,
) -> Guess:
    """``own`` is the attacker's list by match-key, once for each secret of its own; ``power`` is 1 where it is encoded
    as the victim's rows are, or the number of bits in an XOR, where it is base filters (``population.own_filters``).

    ``known_seeds`` is int64 (pairs, 2): rows of the victim and of the list that are known to be one child. Exact
    match-keys serve by who shares a token, and by who has one and who has not. ``memory``, in MiB, decides how many
    candidates of each row are kept; raises ``InputError`` where it is too little (``room``).
    """
    keys = shared(victim, own[0])
    rows = next(iter(victim.values())).rows
    if not rows or not keys:
        return Guess(np.full(rows, -1, np.int64), np.zeros(rows))
    side = structure(even(victim, keys, rng), keys, tokens=tokens_of(victim, keys))
    strong = strongest(side, most=STRONG, least=_HEAVY)
    edges = expected(own, keys, side, power=power)
    prior = prior_of(victim, own[0], known_seeds)
    kept = candidates(rows, edges.rows, len(keys), memory=memory, edges=len(strong.row))
    target, sure, lean = believe(side, strong, edges, prior, kept=kept)
    if edges.rows >= rows and np.mean(sure > 0.5) < _NAMED + len(known_seeds) / rows:
        return Guess(*draw(side, strong, edges, prior, lean, known_seeds, rng).commonest())
    return Guess(target, sure.astype(np.float64))
