"""Attacks on what comes back to holders, tokens and counts, each put into findings."""

from __future__ import annotations

from services.assurance.attacks import counts, gates, tokens
from services.assurance.attacks.figures import Measured, exactly
from services.assurance.attacks.finding import Finding
from services.assurance.attacks.trial import Trial


def token_attack(trial: Trial) -> Finding:
    plan, rng = trial.plan, trial.rng
    run_key = tokens.new_run_key(rng)

    def found(seal: tokens.Seal) -> list[Measured]:
        released = tokens.release(plan.tokens, seal, rng=rng, clock=trial.clock)
        return tokens.attack(released, rng)

    parts, control = found(tokens.seal_with(run_key, rng.bytes)), found(tokens.seal_repeatably(run_key))
    return Finding(
        attack="A9",
        name="Tokens of linked rows",
        short="tokens",
        knows="The tokens of one holder, or of two, and of half of the rows whether they are linked",
        got="AUC of telling linked rows from others, by the way that is farthest from one half",
        measured=max((one.estimate for one in parts), key=lambda one: abs(one.value - 0.5)),
        of=f"{plan.tokens:,} tokens of each holder",
        guessing=0.5,
        control=max((one.estimate for one in control), key=lambda one: abs(one.value - 0.5)),
        controlled="tokens that are equal for the rows of a link",
        gate=gates.TOKENS,
        unit="number",
        parts=tuple(parts),
    )


def probing(trial: Trial) -> Finding:
    terms = trial.terms
    told, control = counts.probe(terms), counts.probe(counts.exact(terms))
    return Finding(
        attack="A10",
        name="Probing with one child",
        short="probing",
        knows="Its own rows, one real child among rows that nobody has or that all are known to be linked, and the "
        "counts of the run",
        got="data sets in which the counts tell whether this child is linked",
        measured=exactly(told.shows / told.asked),
        of=f"{told.asked} pairs of data sets that differ in one row",
        guessing=0.0,
        control=exactly(control.shows / control.asked),
        controlled="exact counts",
        gate=gates.PROBES,
    )


def differencing(trial: Trial) -> Finding:
    terms = trial.terms
    told, control = counts.difference(terms), counts.difference(counts.exact(terms))
    return Finding(
        attack="A10",
        name="Differencing of counts",
        short="differencing",
        knows="Of all its rows but one whether they are linked, and the counts of the run",
        got="numbers of linked rows at which the counts tell whether the last row is linked. A holder that knows "
        "enough linked children can choose such a number" + (f", the first being {told.at[0]}" if told.at else ""),
        measured=exactly(told.shows / told.asked),
        of=f"{told.asked} numbers, all of one upload",
        guessing=0.0,
        control=exactly(control.shows / control.asked),
        controlled="exact counts",
        breaks=0.9,
    )
