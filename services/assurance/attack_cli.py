"""``counterfoil-broker attack``: the attack suite on the encodings of an agreement."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from encoder.cli.files import read_terms_or_agreement
from encoder.cli.progress import shown
from encoder.cli.version import version_of
from encoder.errors import InputError
from keys.agreement import read_terms
from keys.files import refuse_existing, whole_files
from keys.template import template_text
from keys.terms import Terms
from services.assurance.attack_page import About, attack_json, attack_page, summary
from services.assurance.attacks.cohort import AS_LISTED
from services.assurance.attacks.finding import Finding
from services.assurance.attacks.plan import Plan
from services.assurance.attacks.room import MEMORY
from services.assurance.attacks.suite import STEPS, Result, run
from services.assurance.errors import ControlHeld, GateNotPassed

PAGE, FIGURES = "attack.html", "attack.json"


def attack(
    agreement: Annotated[
        Path | None, typer.Option(help="Agreement or draft whose encodings are attacked; else the default one.")
    ] = None,
    rows: Annotated[int, typer.Option(help="Rows of the attacked holder, 1,000 or more.")] = 2_000,
    population: Annotated[
        int | None, typer.Option(help="Children on the attacker's list; else twice as many as rows.")
    ] = None,
    matched: Annotated[
        int, typer.Option(min=200, help="Children on the list of graph matching, which takes by far the longest.")
    ] = 1_000,
    memory: Annotated[
        int, typer.Option(min=1, help="MiB for the tables of graph matching; a longer list needs more.")
    ] = MEMORY,
    scenario: Annotated[
        str, typer.Option(help="How the holder spells them: as-listed (as the attacker does), low or high (faults).")
    ] = AS_LISTED,
    only: Annotated[list[str] | None, typer.Option(help="Only this attack, such as A3; once per attack.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed makes other children and secrets.")] = 1,
    out: Annotated[Path | None, typer.Option(help="New folder for the report, attack.html and attack.json.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the figures on stdout and nothing else.")] = False,
) -> None:
    """Attack the encodings, tokens and counts of an agreement, on made-up children, and say what each attack got.

    Every attack is also run where it must succeed. Exit code 1 when an attack gets more than its gate allows, or does
    not succeed where it must; the report is written all the same. Without --out nothing is kept but what is printed.

    Example: counterfoil-broker attack --agreement agreement.toml --rows 5000 --population 20000 --out attacked
    """
    terms = read_terms_or_agreement(agreement) if agreement else read_terms(template_text().encode(), where="template")
    listed = 2 * rows if population is None else population
    plan = Plan(rows, listed, scenario=scenario, seed=seed, matched=matched, memory=memory)
    chosen = _chosen(only or [])
    if out is not None:
        for name in (PAGE, FIGURES):
            refuse_existing(out / name, replace=False)
    with shown("attacking") as meter:
        result = run(terms, plan, only=chosen, progress=meter)
    about = About(_today(), f"counterfoil {version_of('counterfoil')}")
    if out is not None:
        _write(out, result, terms, about)
    if json_:
        sys.stdout.write(attack_json(result, terms, about))
    else:
        typer.echo("\n".join([*map(summary, result.found), *(_not_run(result))]))
    judge(result)


def judge(result: Result) -> None:
    """Raise ``GateNotPassed`` or ``ControlHeld``, with the attacks that it is about."""
    if result.broken:
        raise GateNotPassed(
            f"Not passed: {_named(result.broken)}.",
            where="attack suite",
            remedy="Raise t, leave out a match-key or shorten the encodings in the agreement, and attack it again.",
        )
    if result.weak:
        raise ControlHeld(
            f"The attack did not succeed where it must: {_named(result.weak)}.",
            where="attack suite",
            remedy="Attack more rows (--rows), or with another --seed; if it stays so, the suite is broken.",
        )


def _chosen(only: Sequence[str]) -> tuple[str, ...]:
    known = dict.fromkeys(step.attack for step in STEPS)
    for one in only:
        if one not in known:
            raise InputError(f"There is no attack {one}.", where="--only", remedy=f"Choose from {', '.join(known)}.")
    return tuple(only)


def _write(out: Path, result: Result, terms: Terms, about: About) -> None:
    """Both files or neither, and no folder for nothing."""
    made = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        with whole_files() as files:
            files.open(out / FIGURES).write(attack_json(result, terms, about).encode("ascii"))
            files.open(out / PAGE).write(attack_page(result, terms, about).encode())
    except BaseException:
        if made:
            out.rmdir()
        raise


def _not_run(result: Result) -> list[str]:
    return [f"{one.attack:<4} {one.name}: not run. {one.why}" for one in result.skipped]


def _named(findings: Sequence[Finding]) -> str:
    return "; ".join(f"{one.attack}, {one.name}" for one in findings)


def _today() -> str:
    return date.today().isoformat()  # noqa: DTZ011 - the day on the report is local
