"""How many bits are set in the encodings that honest holders make: computed from an agreement's terms alone."""

from math import log, sqrt

from keys.terms import Encoding, FuzzyKey

SIGMAS = 6.0
REFUSED_BY_CHANCE = 1e-6
"""How often an honest upload, whatever its size, may have an encoding outside `honest_bits`."""


def honest_bits(key: FuzzyKey, encoding: Encoding, *, encodings: int) -> tuple[int, int]:
    """The fewest and the most bits that honest encodings of ``key`` have set, of ``encodings`` in one upload.

    Plain: one bit, and as many as all features have. Hardened: a base filter of n bits, into which b bits were put,
    is filled to p = 1 - (1 - 1/n)^b, and each bit of the encoding is set with probability (1 - (1 - 2p)^t) / 2
    (Armknecht, Heng, Schnell, PoPETs 2023/054). b is at most that of all features, and at least a quarter of
    ``minimum_bits``: n-grams that repeat in a name (Mohamed Mohamed, XXXXXX) set the same bits again. The number of
    set bits has a variance of length / 4 at most, and up to length * t(t-1) / (n(n-1)) times as much more, as bits of
    the encoding share base bits (two or more; the draw takes every base bit equally often, so that single ones have
    no effect).

    The bounds lie six sigma beyond, or so far that 2 exp(-sigmas^2 / 2), a bound on the tails of a binomial
    (Hoeffding 1963), summed over the upload's encodings is `REFUSED_BY_CHANCE`.
    """
    most = bits_of(key)
    if encoding.hardening is None:
        return 1, most
    base, t, length = encoding.length, encoding.hardening.t, encoding.hardening.length
    fills = [1 - (1 - 1 / base) ** bits for bits in (key.minimum_bits / 4, most)]
    if fills[0] < 0.5 < fills[1]:
        fills.append(0.5)  # for even t, more than half full means fewer bits again
    means = [length * (1 - (1 - 2 * fill) ** t) / 2 for fill in fills]
    sigma = sqrt(length / 4 * (1 + length * t * (t - 1) / (base * (base - 1))))
    slack = sigma * max(SIGMAS, sqrt(2 * log(2 * max(1, encodings) / REFUSED_BY_CHANCE)))
    return max(1, round(min(means) - slack)), min(length - 1, round(max(means) + slack))


def bits_of(key: FuzzyKey) -> int:
    """How many bits a row with every field puts into its base filter, those that meet counted each."""
    return sum(feature.bits for feature in key.features)
