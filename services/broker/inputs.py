"""The encodings of a run in the broker's memory, opened once per process and let go when the run is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from keys.agreement import Agreement
from matcher.encodings import Encodings
from services.broker.office import Office
from services.broker.receive import Received, receive
from services.broker.store import runs


@dataclass(frozen=True, repr=False)
class Inputs:
    """One entry per holder, in the order of the terms; ``encodings`` by match-key."""

    agreement: Agreement
    rows: Sequence[int]
    handles: Sequence[NDArray[np.uint8]]
    encodings: Sequence[Mapping[str, Encodings]]


class InputCache:
    """Keeps the inputs of the run under way, so that its steps do not each decrypt them again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[str, Inputs] = {}

    def of(self, office: Office, run: str) -> Inputs:
        with self._lock:
            if run not in self._held:
                self._held = {run: load(office, run)}
            return self._held[run]

    def forget(self, run: str) -> None:
        with self._lock:
            self._held.pop(run, None)


def uploads_folder(agreement: str) -> str:
    """Where the accepted uploads of an agreement lie in the storage."""
    return f"agreements/{agreement}/uploads"


def upload_name(agreement: str, upload: str) -> str:
    return f"{uploads_folder(agreement)}/{upload}"


def open_uploads(office: Office, run: str) -> tuple[Agreement, list[Received]]:
    """The uploads that the run took when it started, in the order of the terms."""
    with office.store.transaction("read inputs of run") as connection:
        row = runs.get(connection, run)
        if row is None:
            raise LookupError(run)
    agreement = office.agreement(row["agreement"])
    key = office.receiving_key(agreement.id)
    opened = []
    for holder in agreement.holders():
        with office.storage.open(upload_name(agreement.id, row["uploads"][holder.name])) as stream:
            opened.append(receive(stream, agreement=agreement, holder=holder, key=key))
    return agreement, opened


def load(office: Office, run: str) -> Inputs:
    """The run's uploads as the matcher takes them."""
    agreement, opened = open_uploads(office, run)
    rows, handles, encodings = [], [], []
    for holder, received in zip(agreement.holders(), opened, strict=True):
        rows.append(received.rows)
        handles.append(np.ascontiguousarray(received.records["handle"]))
        encodings.append(
            {
                name: Encodings.from_bytes(
                    np.ascontiguousarray(received.records[name]), received.records[f"present/{name}"] == 1
                )
                for name in (key.name for key in agreement.terms.keys_of(holder.name))
            }
        )
    return Inputs(agreement, rows, handles, encodings)
