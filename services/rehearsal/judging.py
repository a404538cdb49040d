"""The report on how good the links of a rehearsal are expected to be, as a party would make it: without the truth."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from encoder.cli.version import version_of
from encoder.join import RunKey, receive_all
from encoder.linkage_page import About, Report, write_linkage
from encoder.linkage_quality import expected_of
from encoder.match_rates import match_rates, own_rates
from encoder.shape import group
from keys.terms import Terms


def write_judgement(
    page: Path, said: Any, terms: Terms, *, run: str, made: str, files: Mapping[str, Path], run_key: RunKey | None
) -> None:
    """Write the page and its figures. ``said``: the ``quality`` that the broker answers with. ``files``: the attribute
    files by holder, none if nothing was joined. ``made``: a date as in ISO 8601."""
    rule, expected = terms.suppression, expected_of(said, terms) if said else None
    received = receive_all(
        files,
        run_key=run_key,
        pseudonym_key=secrets.token_bytes(32),
        rows_of_one_holder=terms.decision.rows_of_one_holder,
    )
    report = Report(
        About.of(terms, run=run, made=made, tool=f"counterfoil {version_of('counterfoil')}"),
        expected,
        own_rates(expected, rule) if expected else (),
        match_rates(received, group(received), rule) if received else (),
    )
    write_linkage(report, page)
