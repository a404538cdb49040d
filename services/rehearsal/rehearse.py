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
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from encoder.agreed import identifiers_of
from encoder.cli.controls import require_explained
from encoder.cli.progress import Count
from encoder.door import Door
from encoder.errors import ColumnsError, InputError
from encoder.join import RunKey, join, link_keys, open_run_key
from encoder.normalise import Normalised
from encoder.opening import Checked
from encoder.results import Results
from encoder.witness import fetch_log
from encoder.workspace import Workspace
from keys.agreement import Agreement
from keys.canonical import canonical
from keys.files import write_whole
from keys.identity import Identity
from keys.kinds import Declared
from keys.statement import declare
from keys.template import default_terms
from keys.terms import Release, Terms
from services.broker.errors import BrokerError
from services.broker.runs import pairs_total
from services.rehearsal.accuracy import RowPair
from services.rehearsal.cross_check import Check, cross_check_all
from services.rehearsal.holder import Holder, HolderFiles
from services.rehearsal.judging import write_judgement
from services.rehearsal.memory import peak_memory_mb
from services.rehearsal.party import Cast, agree, gather, write_identity
from services.rehearsal.reporter import Reporter
from services.rehearsal.server import running_broker

_POLL_SECONDS = 0.2

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
            closing(_Linkage(agreement, cast, url)) as linkage,
        ):
            run = linkage.match(holders, cohorts, reporter)
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
        self, linkage: _Linkage, holders: Sequence[Holder], released: dict[str, Results], reporter: Reporter
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

    def _judge(self, linkage: _Linkage, holders: Sequence[Holder], run: str, reporter: Reporter) -> None:
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


@dataclass(repr=False)
class _Linkage:
    """One agreement at one broker, seen from all its parties."""

    agreement: Agreement
    cast: Cast
    url: str
    run_key: RunKey | None = None

    def __post_init__(self) -> None:
        self._doors: dict[str, Door] = {}

    def door(self, identity: Identity) -> Door:
        fingerprint = identity.card.fingerprint
        if fingerprint not in self._doors:
            self._doors[fingerprint] = Door(
                self.url,
                identity=identity,
                broker=self.cast.broker.card.fingerprint,
                now=lambda: datetime.now(UTC),
                random=secrets.token_bytes,
                timeout=600,
            )
        return self._doors[fingerprint]

    def close(self) -> None:
        for door in self._doors.values():
            door.close()

    def match(self, holders: Sequence[Holder], cohorts: dict[str, Normalised], reporter: Reporter) -> str:
        """From the signed agreement to decided links: the run's id once it waits for approval."""
        path = f"/v1/agreements/{self.agreement.id}"
        with reporter.step("secret", "holders: making the linkage secret together"):
            self.door(holders[0].identity).post("/v1/agreements", self.agreement.to_json())
            for holder in holders:
                answer = self.door(holder.identity).get(path)
                holder.workspace.save_agreement(Agreement.from_json(answer["agreement"]), answer["receiving"])
                holder.contribute(self.door(holder.identity))
            for holder in holders:
                holder.receive(self.door(holder.identity))
        for holder in holders:
            name = holder.files.name
            with reporter.step("encode", f"{name}: encoding {cohorts[name].identifiers.rows:,} rows") as count:
                packed = holder.encode(cohorts[name], progress=count)
            with reporter.step("upload", f"{name}: uploading {packed.bytes / 1e6:.1f} MB") as count:
                holder.upload(self.door(holder.identity), progress=count)
        with reporter.step("match", "broker: comparing encodings and deciding links") as count:
            run: str = self.door(holders[0].identity).post(f"{path}/runs", {})["run"]
            self._wait(self.door(holders[0].identity), run, {"matched"}, count)
            return run

    def control(self, holders: Sequence[Holder], run: str, reporter: Reporter) -> Checked | None:
        """Every holder opens its control rows, and checks those of all; what the last one sees, as all see the same.

        Raises ``ControlError`` when a proof does not hold or rows without an error were not linked.
        """
        if not self.agreement.terms.control.rows:
            return None
        with reporter.step("control", "holders: opening their control rows; was the broker honest?"):
            for holder in holders:
                holder.open_controls(self.door(holder.identity), run)
            checked = [holder.check_controls(self.door(holder.identity), run) for holder in holders]
        require_explained(checked[-1].recovery)
        return checked[-1]

    def release(
        self, holders: Sequence[Holder], run: str, reporter: Reporter
    ) -> tuple[dict[str, Any], dict[str, Results]]:
        """Two approvals, then the run's status and what every holder may fetch: nothing if only counts are released."""
        with reporter.step("release", "IG leads: approving; broker: a token for every row"):
            for lead in list(self.cast.ig_leads.values())[:2]:
                approval = declare(lead, Declared.APPROVAL, {"agreement": self.agreement.id, "run": run})
                self.door(lead).post(f"/v1/runs/{run}/approvals", approval.to_json())
            status = self._wait(self.door(holders[0].identity), run, {"released"}, lambda done, total: None)
            if self.agreement.terms.release is Release.COUNT:
                return status, {}
            if self.agreement.terms.release is Release.BLIND:
                sealed = self.door(self.cast.recipient).get_bytes(f"/v1/runs/{run}/release")
                self.run_key = open_run_key(sealed, agreement=self.agreement, identity=self.cast.recipient)
            fetched = {holder.files.name: holder.fetch_results(self.door(holder.identity), run) for holder in holders}
            return status, fetched

    def check_log(self, root: Path, reporter: Reporter) -> None:
        """Every holder's IG lead fetches the audit log, checks and countersigns it; the last copy stays in ``root``."""
        with reporter.step("log", "IG leads: checking and countersigning the audit log"):
            for name, lead in self.cast.ig_leads.items():
                workspace = Workspace(root / f"{name}-ig-lead")
                workspace.root.mkdir(mode=0o700, exist_ok=True)
                log, _ = fetch_log(workspace, self.door(lead), agreement=self.agreement, identity=lead)
            write_whole(root / "audit-log.json", canonical(log.to_json()), replace=True)

    def _wait(self, door: Door, run: str, states: set[str], count: Count) -> dict[str, Any]:
        while True:
            status: dict[str, Any] = door.get(f"/v1/runs/{run}")
            count(status["percent"], 100)
            if status["state"] == "failed":
                raise BrokerError(status["problem"]["what"], where=f"run {run}", remedy=status["problem"]["remedy"])
            if status["state"] in states:
                return status
            time.sleep(_POLL_SECONDS)


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
