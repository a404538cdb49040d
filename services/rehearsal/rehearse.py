"""A whole linkage on one machine: every party with its own identity and folder, the broker in its own process.

Nothing is handed from party to party but through the doors that they use in earnest: signed agreement, sealed
contributions, sealed uploads over HTTP, approvals, sealed releases, attribute files.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from encoder.agreed import identifiers_of
from encoder.errors import ColumnsError, InputError
from encoder.join import RunKey, join, link_keys
from encoder.normalise import Normalised
from encoder.opening import Checked
from encoder.results import Results
from encoder.workspace import Workspace
from keys.agreement import Agreement
from keys.canonical import canonical
from keys.files import write_whole
from keys.template import default_terms
from keys.terms import Release, Terms
from services.broker.runs.rules import pairs_total
from services.rehearsal.accuracy import RowPair
from services.rehearsal.cross_check import Check, cross_check_all
from services.rehearsal.holder import Holder, HolderFiles
from services.rehearsal.judging import write_judgement
from services.rehearsal.linkage import Linkage
from services.rehearsal.memory import peak_memory_mb
from services.rehearsal.party import agree, gather, write_identity
from services.rehearsal.reporter import Reporter
from services.rehearsal.server import running_broker

Link = dict[str, list[str]]
"""Holder name -> ids of its rows that are linked; one of each unless the agreement says otherwise."""


@dataclass(frozen=True, repr=False)
class Outcome:
    """What a rehearsal came to."""

    agreement: Agreement
    rows: dict[str, int]
    pairs_compared: int
    rejected: dict[str, int]
    links: list[Link] | None
    status: dict[str, Any]
    seconds: dict[str, float]
    peak_memory_mb: float
    joined: Path | None
    joined_rows: int | None
    cross_checks: list[Check] | None
    truth_unknown: int
    controls: Checked | None
    """What every holder has seen of the control rows, if there are any."""


@dataclass(frozen=True)
class Rehearsal:
    """What to rehearse. ``terms`` None: the default agreement for what the columns files name, with so many
    ``control_rows``."""

    holders: Sequence[HolderFiles]
    root: Path
    terms: Terms | None
    today: date
    cross_check: bool = False
    truth: frozenset[RowPair] | None = None
    control_rows: int = 0

    def run(self, reporter: Reporter) -> Outcome:
        """Raises any ``CounterfoilError``; the caller removes ``root`` then."""
        started = time.perf_counter()
        columns = {files.name: files.load_columns() for files in self.holders}
        terms = self.terms or default_terms(
            {name: identifiers_of(one) for name, one in columns.items()},
            minimum_rows=1,
            title="Rehearsal",
            control={"rows": self.control_rows},
        )
        _require_same_names(terms, list(columns))
        cast = gather(list(columns))
        holders = [
            Holder(files, columns[files.name], cast.holders[files.name], Workspace(self.root / files.name))
            for files in self.holders
        ]
        cohorts: dict[str, Normalised] = {}
        for holder in holders:
            name = holder.files.name
            with reporter.step("encode", f"{name}: reading and normalising {holder.files.file.name}") as count:
                cohorts[name] = holder.read(terms, today=self.today, progress=count)
        unknown = self._unknown_truth(cohorts)
        with reporter.step("agree", "all parties: identities and a signed agreement"):
            agreement = agree(terms, cast)
            for holder in holders:
                write_identity(holder.workspace, holder.identity)
            home = Workspace(self.root / "broker")
            passphrase = write_identity(home, cast.broker)
        with (
            running_broker(home.root, passphrase=passphrase) as url,
            closing(Linkage(agreement, cast, url)) as linkage,
        ):
            linkage.prepare(holders, cohorts, reporter)
            run = linkage.match(holders, reporter)
            controls = linkage.control(holders, run, reporter)
            status, released = linkage.release(holders, run, reporter)
            linkage.check_log(self.root, reporter)
            links, joined, joined_rows = self._join(linkage, holders, released, reporter)
            self._judge(linkage, holders, run, reporter)
        checks = cross_check_all(cohorts, terms, reporter) if self.cross_check else None
        rows = {name: one.identifiers.rows for name, one in cohorts.items()}
        reporter.seconds["total"] = time.perf_counter() - started
        return Outcome(
            agreement=agreement,
            rows=rows,
            pairs_compared=pairs_total(agreement, [rows[holder.name] + terms.control.rows for holder in terms.holders]),
            rejected={name: len(one.rejections) for name, one in cohorts.items()},
            links=links,
            status=status,
            seconds=dict(reporter.seconds),
            peak_memory_mb=peak_memory_mb(),
            joined=joined,
            joined_rows=joined_rows,
            cross_checks=checks,
            truth_unknown=unknown,
            controls=controls,
        )

    def _unknown_truth(self, cohorts: dict[str, Normalised]) -> int:
        """How many true pairs name a row that is in no file. Raises ``InputError`` if all of them do."""
        if not self.truth:
            return 0
        first, second = (frozenset(cohort.ids.to_pylist()) for cohort in list(cohorts.values())[:2])
        unknown = sum(a not in first or b not in second for a, b in self.truth)
        if unknown == len(self.truth):
            raise InputError(
                "None of the truth's pairs is of rows in the files.",
                remedy="id_a holds row ids of the first --holder, id_b of the second; see id in the columns files.",
            )
        return unknown

    def _join(
        self, linkage: Linkage, holders: Sequence[Holder], released: dict[str, Results], reporter: Reporter
    ) -> tuple[list[Link] | None, Path | None, int | None]:
        """What holders hand over and the recipient does with it."""
        if not released:
            return None, None, None
        with reporter.step("join", "recipient: joining the attribute files by link key"):
            (self.root / "recipient").mkdir(mode=0o700, exist_ok=True)
            files = {holder.files.name: self._handed(holder) for holder in holders}
            for holder in holders:
                holder.hand_over(
                    released[holder.files.name],
                    files[holder.files.name],
                    rules=linkage.agreement.terms.normalisation,
                    today=self.today,
                )
            run_key, pseudonym_key = linkage.run_key, secrets.token_bytes(32)
            joined = join(
                files,
                self.root / "linked.csv",
                run_key=run_key,
                pseudonym_key=pseudonym_key,
                rows_of_one_holder=linkage.agreement.terms.decision.rows_of_one_holder,
            )
            links = _links(released, run_key, pseudonym_key)
        return links, joined.path, joined.linked

    def _judge(self, linkage: Linkage, holders: Sequence[Holder], run: str, reporter: Reporter) -> None:
        """The recipient's report on the quality of the links; the first holder's, where only counts are released."""
        terms = linkage.agreement.terms
        counts = terms.release is Release.COUNT
        by, party = ("holder", holders[0].identity) if counts else ("recipient", linkage.cast.recipient)
        with reporter.step("judge", f"{by}: how good the links are expected to be"):
            write_judgement(
                self.root / "quality.html",
                linkage.door(party).get(f"/v1/runs/{run}/quality")["quality"],
                terms,
                run=run,
                made=self.today.isoformat(),
                files={} if counts else {one.files.name: self._handed(one) for one in holders},
                run_key=linkage.run_key,
            )

    def _handed(self, holder: Holder) -> Path:
        """The holder's attribute file, at the recipient."""
        return self.root / "recipient" / f"{holder.files.name}.csv"


def _links(released: dict[str, Results], run_key: RunKey | None, pseudonym_key: bytes) -> list[Link]:
    """Rows of two or more holders with one link key. Only a rehearsal sees both sides' row ids."""
    rows: dict[str, dict[str, list[str]]] = {}
    for name, results in released.items():
        values = list(results.values)
        keys = link_keys(values, run_key=run_key, pseudonym_key=pseudonym_key) if run_key else values
        for key, row_id in zip(keys, results.row_ids, strict=True):
            rows.setdefault(key, {}).setdefault(name, []).append(row_id)
    return sorted((link for link in rows.values() if len(link) > 1), key=lambda link: sorted(link.items()))


def _require_same_names(terms: Terms, names: list[str]) -> None:
    expected = [holder.name for holder in terms.holders]
    if sorted(expected) != sorted(names):
        raise ColumnsError(
            f"The agreement is between {', '.join(expected)}, but the holders given are {', '.join(names)}.",
            remedy="Give each holder by its name in the agreement, or another agreement.",
        )


def save_agreement(root: Path, agreement: Agreement) -> None:
    """Leave the signed agreement where people can look at it."""
    write_whole(root / "agreement.json", canonical(agreement.to_json()), replace=True)


def require_two(holders: Sequence[HolderFiles]) -> None:
    """Raises ``InputError`` for fewer than two holders."""
    if len(holders) < 2:
        raise InputError("A linkage needs two holders or more.", remedy="Give --holder and --columns for each of them.")
