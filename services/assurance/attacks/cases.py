"""Attacks on encodings, each run on the agreement's encodings and on a control, and put into one finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from encoder.match_keys import Encodings
from keys.terms import Comparison, ExactKey, Feature, FuzzyKey, IdentifierField, Terms
from services.assurance.attacks import dictionary, frequency, gates, patterns, popcount, similarity, two_runs
from services.assurance.attacks.cohort import draw_secret, encoded, fuzzy_keys, unhardened
from services.assurance.attacks.faults import Ours, Signal, detect
from services.assurance.attacks.faulty import faulty
from services.assurance.attacks.figures import Measured, correlation, exactly, share, worst
from services.assurance.attacks.finding import Finding
from services.assurance.attacks.guess import Guess
from services.assurance.attacks.qgrams import held
from services.assurance.attacks.trial import Trial

TOGETHER = "all match-keys together"
ENCODINGS = "The encodings and the agreement, but not the secret"
LIST = f"{ENCODINGS}; a list of all children of the area with every identifier"
ONE_NAME = FuzzyKey(
    kind="fuzzy",
    name="surname-alone",
    minimum_bits=1,
    features=(Feature(field=IdentifierField.SURNAME, compare=Comparison.BIGRAMS, bits=130),),
)
"""A match-key that no agreement should have: as few values as there are surnames."""


def dictionary_attack(trial: Trial) -> Finding:
    terms, plan, rng = trial.terms, trial.plan, trial.rng
    cohort = trial.cohort(plan.looked_up)
    secret = draw_secret(rng)

    def found(those: Terms) -> tuple[int, int]:
        sides = [encoded(one, those.match_keys, terms=those, secret=secret) for one in (cohort.held, cohort.listed)]
        return _right(dictionary.attack(*sides), cohort.truth), cohort.held.rows

    return Finding(
        attack="A0",
        name="Dictionary with a leaked secret",
        short="dictionary",
        knows="The linkage secret, the encodings and a list of all children of the area: the broker together with one "
        "holder, or a thief of both",
        got="rows whose child is named rightly",
        measured=share(*found(terms)),
        of=f"{cohort.held.rows:,} rows, {cohort.listed.rows:,} children on the list",
        guessing=1 / cohort.listed.rows,
        control=share(*found(unhardened(terms))),
        controlled="the same without hardening",
        breaks=0.5,
    )


def frequency_attack(trial: Trial) -> Finding:
    terms, plan, rng = trial.terms, trial.plan, trial.rng
    cohort = trial.cohort(plan.many)

    def named(those: Terms, keys: Sequence[FuzzyKey | ExactKey]) -> tuple[list[Measured], float, Guess]:
        """The figure of each match-key, guessing, and the rows named by all together."""
        victim, own = (encoded(one, keys, terms=those, secret=draw_secret(rng)) for one in (cohort.held, cohort.listed))
        parts = [
            Measured(
                name, share(*frequency.rightly_named(frequency.align(one, own[name], rng), own[name], cohort.truth))
            )
            for name, one in victim.items()
        ]
        return parts, max(map(frequency.commonest, own.values())), frequency.attack(victim, own, rng)

    parts, guessing, together = named(terms, terms.match_keys)
    parts.append(Measured(TOGETHER, share(_right(together, cohort.truth), plan.many)))
    control, by_chance, _ = named(unhardened(terms), [ONE_NAME])
    return Finding(
        attack="A1",
        name="Frequency alignment",
        short="frequency",
        knows=LIST,
        got="rows whose values are named rightly, by the match-key with most",
        measured=worst(parts),
        of=f"{plan.many:,} rows, {cohort.listed.rows:,} children on the list",
        guessing=guessing,
        control=worst(control),
        controlled="a match-key of the surname alone, without hardening",
        gate=gates.FREQUENCY,
        parts=tuple(parts),
        control_guessing=by_chance,
    )


def popcount_attack(trial: Trial) -> Finding:
    terms, plan, rng = trial.terms, trial.plan, trial.rng
    cohort = trial.cohort(plan.many)
    secret = draw_secret(rng)
    parts: list[Measured] = []
    controls: list[Measured] = []
    for key in fuzzy_keys(terms):
        truth = held(cohort.held, key, terms.encoding)
        victim = encoded(cohort.held, [key], terms=terms, secret=secret)[key.name]
        plain = popcount.bits_per_token(key, terms.encoding, cohort.held, secret=rng.bytes(64))
        for found, encodings in ((parts, victim), (controls, plain)):
            found += [
                Measured(f"{key.name}: {leak.what}", correlation(leak.rho, leak.rows))
                for leak in popcount.attack(encodings, truth, key)
            ]
    return Finding(
        attack="A2",
        name="Popcount against lengths",
        short="popcount",
        knows=ENCODINGS,
        got="rank correlation (Spearman) of set bits with the number of q-grams, the largest in size",
        measured=worst(parts),
        of=f"{plan.many:,} rows",
        guessing=0.0,
        control=worst(controls),
        controlled=f"plain filters with {popcount.BITS_PER_TOKEN} bits per q-gram",
        gate=gates.POPCOUNT,
        unit="number",
        parts=tuple(parts),
    )


def pattern_attack(trial: Trial) -> Finding:
    terms, plan, rng = trial.terms, trial.plan, trial.rng
    cohort = trial.cohort(plan.mined)

    def claims(those: Terms) -> dict[str, patterns.Claims]:
        victim = encoded(cohort.held, fuzzy_keys(those), terms=those, secret=draw_secret(rng))
        return {
            key.name: patterns.attack(
                victim[key.name],
                held(cohort.listed, key, terms.encoding),
                held(cohort.held, key, terms.encoding),
                key,
                base_length=terms.encoding.length,
            )
            for key in fuzzy_keys(those)
        }

    found, control = claims(terms), claims(unhardened(terms))
    return Finding(
        attack="A3",
        name="Frequent sets of bits",
        short="sets of bits",
        knows=LIST,
        got="claims that a row has a q-gram (or a whole value) that are right",
        measured=share(*_sum(found.values())),
        of=f"{_sum(found.values())[1]:,} claims about {plan.mined:,} rows",
        guessing=_expected(found.values()),
        control=share(*_sum(control.values())),
        controlled="the same without hardening",
        gate=gates.PATTERNS,
        parts=tuple(Measured(name, share(one.right, one.made)) for name, one in found.items()),
        control_guessing=_expected(control.values()),
    )


def similarity_attack(trial: Trial) -> Finding:
    terms, plan, rng = trial.terms, trial.plan, trial.rng
    cohort = trial.cohort(plan.paired)

    def leaks(those: Terms) -> list[Measured]:
        victim = encoded(cohort.held, fuzzy_keys(those), terms=those, secret=draw_secret(rng))
        hardened = those.encoding.hardening is not None
        sums, parts = similarity.Mean(), []
        for key in fuzzy_keys(those):
            truth = held(cohort.held, key, terms.encoding)
            one = similarity.similarities(victim[key.name], truth, key, hardened=hardened)
            parts.append(Measured(key.name, similarity.leak(one)))
            sums.add(one)
        return [*parts, Measured(TOGETHER, similarity.leak(sums.mean()))]

    parts = leaks(terms)
    return Finding(
        attack="A4",
        name="Similarity leak",
        short="similarity",
        knows=ENCODINGS,
        got="correlation of plaintext and encoded similarity over pairs of different children, the largest in size",
        measured=worst(parts),
        of=f"{plan.paired * (plan.paired - 1) // 2:,} pairs",
        guessing=0.0,
        control=worst(leaks(unhardened(terms))),
        controlled="the same without hardening",
        gate=gates.SIMILARITY,
        unit="number",
        parts=tuple(parts),
    )


def two_runs_attack(trial: Trial) -> Finding:
    terms, plan, rng = trial.terms, trial.plan, trial.rng
    rows = plan.linked
    cohort = trial.cohort(rows)
    order = rng.permutation(rows)
    one = draw_secret(rng, "one agreement")
    first = encoded(cohort.held, terms.match_keys, terms=terms, secret=one)

    def found(second: Mapping[str, Encodings]) -> list[Measured]:
        shuffled = {name: Encodings(made.bits[order], made.present[order]) for name, made in second.items()}
        truth = np.argsort(order)
        guesses = two_runs.attack(first, shuffled, rng)
        return [Measured(way, share(_right(guess, truth), rows)) for way, guess in guesses.items()]

    other = draw_secret(rng, "another agreement")
    parts = found(encoded(cohort.held, terms.match_keys, terms=terms, secret=other))
    return Finding(
        attack="A8",
        name="Two runs linked to each other",
        short="two runs",
        knows="The encodings of the same rows under two agreements, and neither secret",
        got="rows of the first run that are found in the second, by the way of comparing with most",
        measured=worst(parts),
        of=f"{rows:,} rows of each run",
        guessing=1 / rows,
        control=worst(found(first)),
        controlled="one secret for both runs",
        gate=gates.TWO_RUNS,
        parts=tuple(parts),
    )


def fault_detectors(trial: Trial) -> Finding:
    terms, rng = trial.terms, trial.rng
    keys = fuzzy_keys(terms)
    signals = detect(Ours(terms), terms, keys, rng)
    several = [keys[0], *(keys[1:2] or [keys[0].model_copy(update={"name": f"{keys[0].name}-again"})])]
    caught = {
        name: any(one.fires for one in detect(coder, terms, several, rng)) for name, coder in faulty(terms).items()
    }
    return Finding(
        attack="A11",
        name="Detectors of broken hardening",
        short="detectors",
        knows="The secret, and the code that encodes: this is a check of our own",
        got="detectors that fire",
        measured=exactly(_firing(signals)),
        of=f"{len(signals)} detectors",
        guessing=0.0,
        control=exactly(float(all(caught.values()))),
        controlled=f"{len(caught)} encoders with one fault each, all of which must be found",
        gate=gates.FAULTS,
        parts=tuple(Measured(one.detector, exactly(float(one.fires))) for one in signals),
    )


def _right(guess: Guess, truth: NDArray[np.int64]) -> int:
    return int(np.count_nonzero(guess.target == truth))


def _sum(claims: Iterable[patterns.Claims]) -> tuple[int, int]:
    """Right ones, and all."""
    every = list(claims)
    return sum(one.right for one in every), sum(one.made for one in every)


def _expected(claims: Iterable[patterns.Claims]) -> float:
    every = list(claims)
    return sum(one.expected for one in every) / max(1, sum(one.made for one in every))


def _firing(signals: Sequence[Signal]) -> float:
    return sum(one.fires for one in signals) / len(signals)
