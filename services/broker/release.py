"""What comes back to each party after two approvals, by the agreement's release mode.

blind: every row of every holder gets one token; the run's key goes to the recipient alone.
open: every row gets its link key in the clear, which is the link id.
count: nothing but the suppressed counts in the run's status.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keys.agreement import Agreement, Party, Role
from keys.envelope import seal_bytes
from keys.layout import open_release_record, release_record
from keys.terms import Release
from keys.tokens import RUN_KEY_BYTES, seal_link_ids
from services.broker.inputs import load
from services.broker.matching import stored_link_ids
from services.broker.office import Office

RELEASE = "release"
RUN_KEY = "run key"


def released_name(run: str, party: Party) -> str:
    """Where what a party may fetch lies in the storage, sealed to that party."""
    return f"runs/{run}/released/{party.card.fingerprint}"


def release(office: Office, run: str) -> None:
    """Write the sealed release of every party. Doing so again replaces all of it, before anyone could fetch it."""
    inputs = load(office, run)
    agreement = inputs.agreement
    mode = agreement.terms.release
    if mode is Release.COUNT:
        return
    link_ids = stored_link_ids(office, run, agreement.id, len(inputs.rows))
    run_key = office.random(RUN_KEY_BYTES)
    for holder, handles, of_holder in zip(agreement.holders(), inputs.handles, link_ids, strict=True):
        if mode is Release.BLIND:
            records = np.empty(len(handles), dtype=release_record())
            records["token"] = seal_link_ids(of_holder, run_key=run_key, run=run, random=office.random)
        else:
            records = np.empty(len(handles), dtype=open_release_record())
            records["link_key"] = of_holder
        records["handle"] = handles
        _put(office, run, agreement, holder, RELEASE, _shuffled_by_handle(records).tobytes())
    if mode is Release.BLIND:
        _put(office, run, agreement, agreement.sole(Role.RECIPIENT), RUN_KEY, run_key)


def _shuffled_by_handle(records: NDArray[np.void]) -> NDArray[np.void]:
    """In the order of the random handles, which says nothing."""
    handles = np.ascontiguousarray(records["handle"]).view(">u8")
    return records[np.lexsort((handles[:, 1], handles[:, 0]))]


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
