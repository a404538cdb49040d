"""What comes back to each party after two approvals, by the agreement's release mode.

blind: every row of every holder gets one token; the run's key goes to the recipient alone.
open: every row gets its link key in the clear, which is the link id.
count: nothing but the suppressed counts in the run's status.
"""

from __future__ import annotations

import numpy as np

from keys.agreement import Agreement, Party, Role
from keys.envelope import seal_bytes
from keys.kinds import Sealed
from keys.layout import handle_order, open_release_record, release_record
from keys.terms import Release
from keys.tokens import RUN_KEY_BYTES, seal_link_ids
from services.broker.match.deciding import stored_link_ids
from services.broker.match.inputs import open_inputs
from services.broker.office import Office


def released_name(run: str, party: Party) -> str:
    """Where what a party may fetch lies in the storage, sealed to that party."""
    return f"runs/{run}/released/{party.card.fingerprint}"


def receives(agreement: Agreement, party: Party) -> bool:
    """Whether a release of this agreement has anything for this party."""
    mode = agreement.terms.release
    if party.role is Role.HOLDER:
        return mode is not Release.COUNT
    return party.role is Role.RECIPIENT and mode is Release.BLIND


def release(office: Office, run: str) -> None:
    """Write the sealed release of every party. Doing so again replaces all of it, before anyone could fetch it."""
    inputs = open_inputs(office, run)
    agreement = inputs.agreement
    mode = agreement.terms.release
    if mode is Release.COUNT:
        return
    link_ids = stored_link_ids(office, run, agreement.id, len(inputs.rows))
    run_key = office.random(RUN_KEY_BYTES)
    for number, (holder, of_holder) in enumerate(zip(agreement.holders(), link_ids, strict=True)):
        handles = inputs.handles(number)
        if mode is Release.BLIND:
            records = np.empty(len(handles), dtype=release_record())
            records["token"] = seal_link_ids(of_holder, run_key=run_key, run=run, random=office.random)
        else:
            records = np.empty(len(handles), dtype=open_release_record())
            records["link_key"] = of_holder
        records["handle"] = handles
        _put(office, run, agreement, holder, Sealed.RELEASE, records[handle_order(handles)].tobytes())
    if mode is Release.BLIND:
        _put(office, run, agreement, agreement.sole(Role.RECIPIENT), Sealed.RUN_KEY, run_key)


def _put(office: Office, run: str, agreement: Agreement, party: Party, kind: str, payload: bytes) -> None:
    sealed = seal_bytes(
        payload,
        kind=kind,
        agreement=agreement.id,
        sender=office.identity,
        receiver=party.card.receiving,
        random=office.random,
        context={"run": run},
    )
    office.storage.put(released_name(run, party), sealed)
