"""A party as a witness of the audit log: it checks what the broker shows, remembers it, and countersigns.

A broker that changes its log, or shows another to somebody else, must contradict a checkpoint that a witness has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from encoder.door import Door
from encoder.errors import BrokerRefused
from encoder.workspace import Workspace
from keys.agreement import Agreement, Role
from keys.canonical import canonical
from keys.checkpoint import SignedCheckpoint, parse_note
from keys.errors import AgreementError, LogError
from keys.files import write_whole
from keys.identity import Identity
from keys.log import Log, Verified, origin_of, verify_log
from keys.merkle import leaf_hash, verify_consistency, verify_inclusion
from keys.receiving import decode


def fetch_log(workspace: Workspace, door: Door, *, agreement: Agreement, identity: Identity) -> tuple[Log, Verified]:
    """The whole log, checked against the agreement and against the checkpoint seen last, then countersigned.

    Raises ``LogError`` naming the first bad entry; the log is then left in the workspace as evidence, and nothing
    is countersigned.
    """
    path = f"/v1/agreements/{agreement.id}/log"
    document = door.get(path)
    where = str(workspace.log)
    try:
        log = Log.from_json(document, where=where)
        require_agreement(log, agreement, where=where)
        found = verify_log(log, where=where, kept=seen(workspace))
    except LogError:
        write_whole(workspace.log, canonical(document), replace=True)
        raise
    note = _countersign(workspace, door, found.newest, agreement=agreement, identity=identity)
    whole = Log(log.agreement, log.entries, (*log.countersigned, note))
    write_whole(workspace.log, canonical(whole.to_json()), replace=True)
    return whole, found


def witness(
    workspace: Workspace,
    door: Door,
    *,
    agreement: Agreement,
    identity: Identity,
    entry: int = 0,
    expect: Mapping[str, Any] | None = None,
) -> SignedCheckpoint:
    """Check that the broker's newest checkpoint continues the one seen last and holds ``entry``, and countersign it.

    ``entry`` (from 1; 0 for none) must have the facts in ``expect``. Proofs are those of RFC 6962; the log itself
    is not fetched. Raises ``LogError``.
    """
    kept = seen(workspace)
    since = kept[0].checkpoint.size if kept else 0
    answer = door.get(f"/v1/agreements/{agreement.id}/log/checkpoint?since={since}&entry={entry}")
    names = {"checkpoint", "consistency", "facts", "inclusion"}
    if not isinstance(answer, dict) or set(answer) != names:
        raise BrokerRefused("What answered is not a broker.", where=door.url, remedy="Check the address.")
    note = parse_note(answer["checkpoint"])
    note.require_signed_by(agreement.sole(Role.BROKER).card)
    now = note.checkpoint
    if now.origin != origin_of(agreement.id):
        raise LogError("The checkpoint is of another log.", where=door.url, remedy="Ask the broker's operator.")
    if kept:
        before = kept[0].checkpoint
        verify_consistency(before.size, now.size, before.root, now.root, [decode(one) for one in answer["consistency"]])
    if entry:
        facts = answer["facts"]
        if not isinstance(facts, dict) or any(facts.get(name) != value for name, value in (expect or {}).items()):
            raise LogError(
                "The log does not say what the broker's receipt says.",
                where=f"{door.url}, entry {entry}",
                remedy="Do not go on; ask the broker's operator and the other parties.",
            )
        path = [decode(one) for one in answer["inclusion"]]
        verify_inclusion(leaf_hash(canonical(facts)), entry - 1, now.size, path, now.root)
    return _countersign(workspace, door, note, agreement=agreement, identity=identity)


def seen(workspace: Workspace) -> list[SignedCheckpoint]:
    """The checkpoint seen last, if there is one."""
    return [parse_note(workspace.checkpoint.read_text())] if workspace.checkpoint.is_file() else []


def require_agreement(log: Log, agreement: Agreement, *, where: str) -> None:
    """Raises ``AgreementError`` unless the log is of this very agreement: its terms, its parties, its cards."""
    if log.agreement.id != agreement.id:
        raise AgreementError(
            "The log is of another agreement, or its parties have other cards.",
            where=where,
            remedy="Name the agreement that was signed, and the log of that agreement.",
        )


def _countersign(
    workspace: Workspace, door: Door, note: SignedCheckpoint, *, agreement: Agreement, identity: Identity
) -> SignedCheckpoint:
    """Remember first, sign then: nothing is ever signed that could be forgotten."""
    own = note.countersigned(identity)
    write_whole(workspace.checkpoint, own.note().encode(), replace=True)
    door.post(f"/v1/agreements/{agreement.id}/log/countersignatures", {"note": own.note()})
    return own
