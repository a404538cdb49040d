"""Whether what a log says happened could have happened: each entry against those before it.

1. The first entry, and no other, is that the agreement was received.
2. A contribution goes from a holder to another, once.
3. An upload is a holder's; it replaces an upload if there is one, and is the first if there is none.
4. A run is started by a holder on the newest upload of every holder, while no other run is under way.
5. A run changes as the table of transitions says (``keys.protocol``), and is cancelled by a holder or an IG lead.
6. Where the agreement has control rows, an upload and decided links carry their commitments, and a holder opens its
   control rows once, while the run waits, by a statement that names both.
7. An approval or a refusal carries the statement that an IG lead signed for this run while it waited; a run is
   approved once IG leads of two holders have approved it, and declined once one has refused. No IG lead approves before
   every holder has opened its control rows, if there are any.
8. Nothing is uploaded, started or changed after the data were destroyed; destruction carries the broker's receipt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keys.agreement import Agreement, Party, Role
from keys.control_rows import is_digest, opening
from keys.errors import KeysError, LogError
from keys.kinds import Declared
from keys.protocol import APPROVALS_NEEDED, MAY_CANCEL, TRANSITIONS, Event, State
from keys.statement import Statement

Facts = Mapping[str, Any]


def check_history(agreement: Agreement, entries: Sequence[Facts], *, where: str) -> None:
    """Raises ``LogError`` naming the first entry (counted from 1) that breaks a rule."""
    course = _Course(agreement)
    for number, facts in enumerate(entries, start=1):
        try:
            course.take(facts, first=number == 1)
        except (KeyError, TypeError, ValueError, KeysError):
            # Also a missing fact or a signature that does not hold: whatever it is, this entry is not allowed here.
            raise LogError(
                f"The protocol does not allow this entry: {facts.get('event')}.",
                where=f"{where}, entry {number}",
                remedy="Keep the file, and ask the broker's operator and the other parties about this entry.",
            ) from None


@dataclass
class _Run:
    state: State
    uploads: Mapping[str, str]
    links: str = ""
    opened: set[str] = field(default_factory=set)
    approved: set[str] = field(default_factory=set)
    refused: bool = False


@dataclass
class _Course:
    """What is known after some entries. Raises whatever comes first for one that does not fit."""

    agreement: Agreement
    contributions: set[tuple[str, str]] = field(default_factory=set)
    uploads: dict[str, str] = field(default_factory=dict)
    control_rows: dict[str, str] = field(default_factory=dict)
    """Upload -> commitment, where the agreement has control rows."""
    runs: dict[str, _Run] = field(default_factory=dict)
    destroyed: bool = False

    def take(self, facts: Facts, *, first: bool) -> None:
        event = Event(facts["event"])
        _require(first == (event is Event.AGREEMENT_RECEIVED))  # 1
        _require(not self.destroyed)  # 8
        _STEPS[event](self, facts)

    def received(self, facts: Facts) -> None:
        _require(self._named(facts["by"]) is not None)

    def contributed(self, facts: Facts) -> None:
        pair = (self._holder(facts["sender"]), self._holder(facts["receiver"]))
        _require(pair[0] != pair[1] and pair not in self.contributions)  # 2
        self.contributions.add(pair)

    def uploaded(self, facts: Facts) -> None:
        holder = self._holder(facts["holder"])
        _require((facts["event"] == Event.UPLOAD_REPLACED) == (holder in self.uploads))  # 3
        self.uploads[holder] = facts["upload"]
        if self._commits(facts, "control_rows"):
            self.control_rows[facts["upload"]] = facts["control_rows"]

    def started(self, facts: Facts) -> None:
        self._holder(facts["by"])
        under_way = any(TRANSITIONS[run.state] for run in self.runs.values())
        _require(not under_way and facts["run"] not in self.runs)  # 4
        _require(facts["uploads"] == self.uploads and len(self.uploads) == len(self.agreement.holders()))  # 4
        self.runs[facts["run"]] = _Run(State.ACCEPTED, dict(self.uploads))

    def changed(self, facts: Facts) -> None:
        run, new = self.runs[facts["run"]], State(facts["state"])
        _require(new in TRANSITIONS[run.state])  # 5
        _require(new is not State.APPROVED or len(run.approved) >= APPROVALS_NEEDED)  # 7
        _require((new is State.DECLINED) == run.refused)  # 7
        if new is State.MATCHED and self._commits(facts, "links"):
            run.links = facts["links"]
        if new is State.CANCELLED:
            by = self._named(facts["by"])
            _require(by is not None and by.role in MAY_CANCEL)  # 5
        run.state = new

    def opened(self, facts: Facts) -> None:
        run, holder = self.runs[facts["run"]], self._holder(facts["by"])
        _require(run.state is State.MATCHED and bool(run.links) and not run.refused and holder not in run.opened)  # 6
        named = self._named(holder)
        assert named is not None  # noqa: S101 - for the type checker
        body = Statement.from_json(facts["statement"]).verify(named.card, kind=Declared.OPENING)
        own = self.control_rows[run.uploads[holder]]
        _require(body == opening(agreement=self.agreement.id, run=facts["run"], control_rows=own, links=run.links))  # 6
        run.opened.add(holder)

    def approved(self, facts: Facts) -> None:
        run, holder = self._decided(facts, Declared.APPROVAL)
        _require(holder not in run.approved)
        _require(not run.links or len(run.opened) == len(run.uploads))  # 7
        run.approved.add(holder)

    def refused(self, facts: Facts) -> None:
        run, _ = self._decided(facts, Declared.REFUSAL)
        run.refused = True

    def destruction(self, facts: Facts) -> None:
        statement = Statement.from_json(facts["receipt"])
        body = statement.verify(self.agreement.sole(Role.BROKER).card, kind=Declared.DESTRUCTION)  # 8
        _require(body["agreement"] == self.agreement.id)
        self.destroyed = True

    def _decided(self, facts: Facts, kind: Declared) -> tuple[_Run, str]:
        statement = Statement.from_json(facts["statement"])
        lead = self.agreement.party(statement.signer)
        _require(lead is not None and lead.role is Role.IG_LEAD and lead.name == facts["by"])
        assert lead is not None  # noqa: S101 - for the type checker
        body = statement.verify(lead.card, kind=kind)
        _require(body == {"agreement": self.agreement.id, "run": facts["run"]})
        run = self.runs[facts["run"]]
        _require(run.state is State.MATCHED and not run.refused)  # 7
        return run, str(lead.of)

    def _commits(self, facts: Facts, name: str) -> bool:
        """Whether the agreement has control rows, of which the entry then carries a commitment under this name."""
        if not self.agreement.terms.control.rows:
            _require(name not in facts)  # 6
            return False
        _require(is_digest(facts[name]))  # 6
        return True

    def _holder(self, name: Any) -> str:
        _require(any(party.name == name for party in self.agreement.holders()))
        return str(name)

    def _named(self, name: Any) -> Party | None:
        return next((party for party in self.agreement.parties if party.name == name), None)


_STEPS: Mapping[Event, Callable[[_Course, Facts], None]] = {
    Event.AGREEMENT_RECEIVED: _Course.received,
    Event.CONTRIBUTION_RELAYED: _Course.contributed,
    Event.UPLOAD_ACCEPTED: _Course.uploaded,
    Event.UPLOAD_REPLACED: _Course.uploaded,
    Event.RUN_STARTED: _Course.started,
    Event.RUN_CHANGED: _Course.changed,
    Event.CONTROL_ROWS_OPENED: _Course.opened,
    Event.RELEASE_APPROVED: _Course.approved,
    Event.RELEASE_REFUSED: _Course.refused,
    Event.DATA_DESTROYED: _Course.destruction,
}


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError
