"""One linkage at one broker, step by step, as all its parties take them through their doors."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from encoder.cli.controls import require_explained
from encoder.cli.progress import Count
from encoder.door import Door
from encoder.join import RunKey, open_run_key
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
from keys.terms import Release
from services.broker.errors import BrokerError
from services.rehearsal.holder import Holder
from services.rehearsal.party import Cast
from services.rehearsal.reporter import Reporter

_POLL_SECONDS = 0.2


@dataclass(repr=False)
class Linkage:
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

    def prepare(self, holders: Sequence[Holder], cohorts: dict[str, Normalised], reporter: Reporter) -> None:
        """From the signed agreement to every holder's upload."""
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

    def start(self, holder: Holder) -> str:
        """Start a run of what was uploaded; its id."""
        run: str = self.door(holder.identity).post(f"/v1/agreements/{self.agreement.id}/runs", {})["run"]
        return run

    def match(self, holders: Sequence[Holder], reporter: Reporter) -> str:
        """From the uploads to decided links: the run's id once it waits for approval."""
        with reporter.step("match", "broker: comparing encodings and deciding links") as count:
            run = self.start(holders[0])
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
            self.approve(run)
            status = self._wait(self.door(holders[0].identity), run, {"released"}, lambda done, total: None)
            if self.agreement.terms.release is Release.COUNT:
                return status, {}
            return status, self.fetch(holders, run)

    def approve(self, run: str) -> None:
        """By the first two holders' IG leads."""
        for lead in list(self.cast.ig_leads.values())[:2]:
            approval = declare(lead, Declared.APPROVAL, {"agreement": self.agreement.id, "run": run})
            self.door(lead).post(f"/v1/runs/{run}/approvals", approval.to_json())

    def fetch(self, holders: Sequence[Holder], run: str) -> dict[str, Results]:
        """What every holder gets of a released run; the recipient's key of it stays in ``run_key``."""
        if self.agreement.terms.release is Release.BLIND:
            sealed = self.door(self.cast.recipient).get_bytes(f"/v1/runs/{run}/release")
            self.run_key = open_run_key(sealed, agreement=self.agreement, identity=self.cast.recipient)
        return {holder.files.name: holder.fetch_results(self.door(holder.identity), run) for holder in holders}

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
