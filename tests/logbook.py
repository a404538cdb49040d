"""A broker's log kept in memory: what it says, signed as the broker signs it, true or forged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from keys.agreement import Agreement
from keys.canonical import canonical
from keys.checkpoint import Checkpoint, sign_checkpoint
from keys.identity import Identity
from keys.kinds import Declared
from keys.log import Entry, Log, origin_of
from keys.merkle import Tree, leaf_hash
from keys.protocol import Event, State
from keys.statement import declare
from tests.doors import identity, signed, small_terms

Facts = Mapping[str, Any]
AT = "2026-06-01T12:00:00.000000+00:00"


@cache
def agreement() -> Agreement:
    return signed(small_terms())


def kept(facts: Iterable[Facts], *, of: Agreement | None = None, broker: Identity | None = None) -> Log:
    """The log that a broker would export of these facts: every checkpoint in it is its own and right."""
    of, broker = of or agreement(), broker or identity("broker")
    tree, entries = Tree(), []
    for number, one in enumerate(facts, start=1):
        tree.append(leaf_hash(canonical(dict(one))))
        checkpoint = Checkpoint(origin_of(of.id), number, tree.root())
        entries.append(Entry(one, sign_checkpoint(checkpoint, broker)))
    return Log(of, tuple(entries))


@dataclass
class Course:
    """The facts of a linkage, one after the other."""

    agreement: Agreement
    facts: list[Facts] = field(default_factory=list)

    def add(self, event: Event, **more: Any) -> Course:
        self.facts.append({"event": event.value, "at": AT, "agreement": self.agreement.id, **more})
        return self

    def decided(self, event: Event, run: str, holder: str, *, by: Identity | None = None) -> Course:
        """An approval or a refusal by the holder's IG lead, or forged by somebody else."""
        kind = Declared.APPROVAL if event is Event.RELEASE_APPROVED else Declared.REFUSAL
        statement = declare(by or identity(f"{holder}-lead"), kind, {"agreement": self.agreement.id, "run": run})
        return self.add(event, run=run, by=f"{holder}-lead", statement=statement.to_json())

    def begun(self) -> Course:
        self.add(Event.AGREEMENT_RECEIVED, by="council")
        for one, other in (("council", "icb"), ("icb", "council")):
            self.add(Event.CONTRIBUTION_RELAYED, sender=one, receiver=other, content_digest="sha-256=:AA==:")
        for name in ("council", "icb"):
            self.add(Event.UPLOAD_ACCEPTED, holder=name, upload=f"{name}-1", content_digest="sha-256=:AA==:")
        return self

    def started(self, run: str, **uploads: str) -> Course:
        return self.add(
            Event.RUN_STARTED, run=run, by="icb", uploads=uploads or {"council": "council-1", "icb": "icb-1"}
        )

    def matched(self, run: str) -> Course:
        return self.started(run).changed(run, State.MATCHED)

    def changed(self, run: str, state: State, **more: Any) -> Course:
        return self.add(Event.RUN_CHANGED, run=run, state=state.value, **more)

    def released(self, run: str) -> Course:
        self.matched(run)
        for holder in ("council", "icb"):
            self.decided(Event.RELEASE_APPROVED, run, holder)
        return self.changed(run, State.APPROVED).changed(run, State.RELEASED)

    def destroyed(self, *, by: Identity | None = None) -> Course:
        facts = {"agreement": self.agreement.id, "runs": [], "destroyed_at": AT}
        receipt = declare(by or identity("broker"), Declared.DESTRUCTION, facts)
        return self.add(Event.DATA_DESTROYED, receipt=receipt.to_json())


def course() -> Course:
    return Course(agreement())


@cache
def whole() -> Log:
    """From the agreement to destruction: two runs, one declined, one released."""
    told = course().begun().matched("run-1")
    told.decided(Event.RELEASE_REFUSED, "run-1", "icb").changed("run-1", State.DECLINED)
    told.add(Event.UPLOAD_REPLACED, holder="icb", upload="icb-2", content_digest="sha-256=:AA==:")
    told.started("run-2", council="council-1", icb="icb-2").changed("run-2", State.MATCHED)
    for holder in ("council", "icb"):
        told.decided(Event.RELEASE_APPROVED, "run-2", holder)
    told.changed("run-2", State.APPROVED).changed("run-2", State.RELEASED).destroyed()
    return kept(told.facts)
