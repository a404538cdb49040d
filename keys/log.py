"""The audit log of one agreement, as a file that anyone with the parties' cards can check without the broker.

The file holds the agreement, the entries in order, the broker's checkpoint after each entry, and the checkpoints
that parties have countersigned. Rules, each checked below under its number; the first entry that breaks one is named:

1. The agreement is signed by every party.
2. An entry is an event of this agreement, with its time.
3. After entry n the broker has signed a checkpoint of this log for n entries, with the root of exactly these.
4. A countersigned checkpoint is one of those, and each of its signatures is by a party.
5. The entries are a course that the protocol allows (``keys.history``).
6. A checkpoint that somebody kept from before is one of those: nothing was taken back, and there is no second log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keys.agreement import Agreement, Party, Role
from keys.canonical import canonical, is_version
from keys.checkpoint import Checkpoint, SignedCheckpoint, parse_note
from keys.errors import KeysError, LogError
from keys.history import check_history
from keys.merkle import Tree, leaf_hash
from keys.protocol import Event


def origin_of(agreement: str) -> str:
    """The name of an agreement's log in its checkpoints."""
    return f"counterfoil/agreement/{agreement}"


@dataclass(frozen=True)
class Entry:
    """What happened, and the broker's checkpoint with it as the last entry."""

    facts: Mapping[str, Any]
    checkpoint: SignedCheckpoint

    @property
    def leaf(self) -> bytes:
        return canonical(dict(self.facts))

    def to_json(self) -> dict[str, Any]:
        return {"facts": dict(self.facts), "checkpoint": self.checkpoint.note()}


@dataclass(frozen=True)
class Log:
    """What the broker exports; ``countersigned`` are checkpoints with more signatures than the broker's."""

    agreement: Agreement
    entries: tuple[Entry, ...]
    countersigned: tuple[SignedCheckpoint, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "counterfoil": "audit log",
            "version": 1,
            "agreement": self.agreement.to_json(),
            "entries": [entry.to_json() for entry in self.entries],
            "countersigned": [one.note() for one in self.countersigned],
        }

    @classmethod
    def from_json(cls, document: Any, *, where: str) -> Log:
        """Read a log; checks its form only. Raises ``LogError`` or ``AgreementError``, naming the entry."""
        names = {"counterfoil", "version", "agreement", "entries", "countersigned"}
        if (
            not isinstance(document, Mapping)
            or set(document) != names
            or document["counterfoil"] != "audit log"
            or not is_version(document["version"], 1)
            or not isinstance(document["entries"], list)
            or not isinstance(document["countersigned"], list)
        ):
            raise LogError("This is not an audit log.", where=where, remedy="Name a file that `log fetch` wrote.")
        agreement = Agreement.from_json(document["agreement"])
        entries = tuple(_entry(one, number, where) for number, one in enumerate(document["entries"], start=1))
        return cls(agreement, entries, tuple(_note(one, where) for one in document["countersigned"]))

    @property
    def newest(self) -> SignedCheckpoint:
        return self.entries[-1].checkpoint


@dataclass(frozen=True)
class Verified:
    """What a check has shown. ``countersigned``: party's name -> the most entries it has countersigned."""

    entries: int
    newest: SignedCheckpoint
    countersigned: Mapping[str, int]


def verify_log(log: Log, *, where: str, kept: Sequence[SignedCheckpoint] = ()) -> Verified:
    """Check rules 1 to 6; the cards are those of ``log.agreement``, so compare that with the one you signed first.

    ``kept`` are checkpoints of this log that the caller has from elsewhere. Raises ``AgreementError`` for rule 1
    and ``LogError`` for the others, naming the first bad entry (counted from 1).
    """
    agreement = log.agreement
    agreement.require_signed()  # 1
    if not log.entries:
        raise LogError("The log has no entry.", where=where, remedy="Fetch it again.")
    roots = _checked_roots(log, where)  # 2, 3
    check_history(agreement, [entry.facts for entry in log.entries], where=where)  # 5
    countersigned: dict[str, int] = {}
    for note in log.countersigned:
        _require_known(note, log, roots, where)  # 4
        for party in _countersigners(note, agreement, where):
            countersigned[party.name] = max(note.checkpoint.size, countersigned.get(party.name, 0))
    for note in kept:
        note.require_signed_by(agreement.sole(Role.BROKER).card)
        _require_known(note, log, roots, where)  # 6
    return Verified(len(log.entries), log.newest, countersigned)


def require_one_log(first: Log, second: Log, *, where: str) -> None:
    """Raises ``LogError`` unless one of two verified logs is a beginning of the other (6), naming the fork."""
    if first.agreement.id != second.agreement.id:
        raise LogError("The logs are of two agreements.", where=where, remedy="Compare logs of one agreement.")
    for number, (one, other) in enumerate(zip(first.entries, second.entries, strict=False), start=1):
        if one.leaf != other.leaf:
            raise LogError(
                "The broker has shown two different logs: both entries carry its signature.",
                where=_at(where, number),
                remedy="Keep both files: together they prove it. Tell every party of the agreement.",
            )


def _checked_roots(log: Log, where: str) -> list[bytes]:
    broker, origin = log.agreement.sole(Role.BROKER).card, origin_of(log.agreement.id)
    tree, roots = Tree(), []
    for number, entry in enumerate(log.entries, start=1):
        _check_facts(entry.facts, log.agreement.id, _at(where, number))  # 2
        tree.append(leaf_hash(entry.leaf))
        roots.append(tree.root())
        try:
            entry.checkpoint.require_signed_by(broker)
        except KeysError:
            raise _bad("its checkpoint is not signed by the broker of the agreement", where, number) from None
        if entry.checkpoint.checkpoint != Checkpoint(origin, number, roots[-1]):
            raise _bad("it is not what the broker's checkpoint was made for", where, number)  # 3
    return roots


def _check_facts(facts: Mapping[str, Any], agreement: str, where: str) -> None:
    try:
        Event(facts["event"])
        moment = datetime.fromisoformat(facts["at"])
        fits = facts["agreement"] == agreement and moment.tzinfo is not None
    except (KeyError, TypeError, ValueError):
        fits = False
    if not fits:
        raise LogError("The entry is not an event of this agreement.", where=where, remedy=_REMEDY)


def _require_known(note: SignedCheckpoint, log: Log, roots: Sequence[bytes], where: str) -> None:
    checkpoint = note.checkpoint
    if checkpoint.origin != origin_of(log.agreement.id):
        raise LogError("A checkpoint is of another log.", where=where, remedy="Name checkpoints of this agreement.")
    if checkpoint.size > len(roots):
        raise LogError(
            f"The log ends with entry {len(roots)}, but the broker has signed one of {checkpoint.size} entries.",
            where=_at(where, len(roots) + 1),
            remedy=_REMEDY,
        )
    if checkpoint.size < 1 or roots[checkpoint.size - 1] != checkpoint.root:
        raise LogError(
            f"A checkpoint of {checkpoint.size} entries that was kept is not one of this log: "
            "an entry up to there was changed since.",
            where=_at(where, checkpoint.size),
            remedy=_REMEDY,
        )


def _countersigners(note: SignedCheckpoint, agreement: Agreement, where: str) -> list[Party]:
    """The parties that signed beside the broker. Raises ``LogError`` for a signature by anyone else."""
    found = [party for party in agreement.parties if note.has_line_of(party.card)]
    if len(found) != len(note.lines):
        raise LogError("A checkpoint is countersigned by somebody else.", where=where, remedy=_REMEDY)
    for party in found:
        note.require_signed_by(party.card)
    return [party for party in found if party.role is not Role.BROKER]


def _entry(document: Any, number: int, where: str) -> Entry:
    if not isinstance(document, Mapping) or set(document) != {"facts", "checkpoint"}:
        raise _bad("it is not in the right form", where, number)
    if not isinstance(document["facts"], Mapping):
        raise _bad("it is not in the right form", where, number)
    return Entry(document["facts"], _note(document["checkpoint"], _at(where, number)))


def _note(text: Any, where: str) -> SignedCheckpoint:
    try:
        return parse_note(text)
    except LogError:
        raise LogError("A checkpoint is not in the right form.", where=where, remedy=_REMEDY) from None


def _bad(why: str, where: str, number: int) -> LogError:
    return LogError(f"The entry cannot be trusted: {why}.", where=_at(where, number), remedy=_REMEDY)


def _at(where: str, number: int) -> str:
    return f"{where}, entry {number}"


_REMEDY = "Keep the file, fetch the log again, and ask the broker's operator and the other parties about this entry."
